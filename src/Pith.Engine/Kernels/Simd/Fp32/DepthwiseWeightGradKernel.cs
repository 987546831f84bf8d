namespace Pith.Kernels.Simd;

/// <summary>
/// Weight gradient of a depthwise convolution with vectors <typeparamref name="V"/>. A partial sum is [tap, channel], channels padded to whole
/// vectors, over a fixed share of the output rows of all images.
/// </summary>
internal static unsafe class DepthwiseWeightGradKernel<V> where V : struct, IVec<V>
{
    private const int MaxPartials = 16;
    private const int TargetBandBytes = 128 << 10;

    public static nint PartialFloats(in TapConv conv) => new Plan(conv).PartialFloats * new Plan(conv).Partials;

    public static int AccumulateItems(in TapConv conv) => new Plan(conv).Partials;

    public static nint WorkspaceFloats(in TapConv conv) => new Plan(conv).WorkspaceFloats;

    /// <summary>Fills partial sums [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public static void Accumulate(in TapConv conv, float* partials, int begin, int end, float* workspace)
    {
        var plan = new Plan(conv);
        var rows = conv.Out.Images * conv.Out.Height;
        for (var partial = begin; partial < end; partial++)
        {
            float* sums = partials + partial * plan.PartialFloats;
            new Span<float>(sums, (int)plan.PartialFloats).Clear();
            int row = (int)((long)rows * partial / plan.Partials), last = (int)((long)rows * (partial + 1) / plan.Partials);
            while (row < last)
            {
                int image = row / conv.Out.Height, first = row % conv.Out.Height;
                var count = Math.Min(plan.BandRows, Math.Min(conv.Out.Height - first, last - row));
                AddBand(conv, plan, sums, image, first, count, workspace);
                row += count;
            }
        }
    }

    /// <summary>Adds the partial sums and transposes them to [C, 1, R, S].</summary>
    public static void Reduce(in TapConv conv, float* partials, float* gradient)
    {
        var plan = new Plan(conv);
        var taps = conv.H.Count * conv.W.Count;
        for (var tap = 0; tap < taps; tap++)
        {
            for (var c = 0; c < conv.Groups; c++)
            {
                float* from = partials + (nint)tap * plan.Channels + c;
                var sum = from[0];
                for (var partial = 1; partial < plan.Partials; partial++) sum += from[partial * plan.PartialFloats];
                gradient[(nint)c * taps + tap] = sum;
            }
        }
    }

    private readonly struct Plan
    {
        public readonly int BandRows, Partials, Channels;
        public readonly nint PartialFloats, Gradients, TapOffsets, WorkspaceFloats;

        public Plan(in TapConv conv)
        {
            var taps = conv.H.Count * conv.W.Count;
            Channels = PanelPacking.PaddedOutputs(conv.Groups, V.Count);
            Partials = Math.Clamp(conv.Out.Images * conv.Out.Height, 1, MaxPartials);
            PartialFloats = (nint)taps * Channels;
            var rowFloats = (nint)conv.W.Extent(conv.Out.Width) * Channels;
            BandRows = (int)Math.Clamp(TargetBandBytes / Math.Max(1, rowFloats * sizeof(float) * conv.H.Stride), 1, Math.Max(1, conv.Out.Height));
            Gradients = conv.H.Extent(BandRows) * rowFloats;
            TapOffsets = Gradients + (nint)conv.Out.Width * Channels;
            // A tap offset takes two floats.
            WorkspaceFloats = TapOffsets + 2 * taps;
        }
    }

    private static void AddBand(in TapConv conv, in Plan plan, float* sums, int image, int first, int rows, float* workspace)
    {
        int width = conv.Out.Width, columns = conv.W.Extent(width), taps = conv.H.Count * conv.W.Count;
        PaddedCopy.Run(conv.In, image, conv.H.First(first), conv.H.Extent(rows), conv.W.First(0), columns, workspace, plan.Channels);
        var rowStride = (nint)columns * plan.Channels;
        var offsets = (nint*)(workspace + plan.TapOffsets);
        for (var tap = 0; tap < taps; tap++)
        {
            var floats = tap / conv.W.Count * conv.H.Step * rowStride + tap % conv.W.Count * conv.W.Step * plan.Channels;
            offsets[tap] = floats * sizeof(float);
        }

        DepthwiseWeightTileArgs tile = default;
        tile.Channels = plan.Channels;
        tile.Pixels = width;
        tile.PixelStep = conv.W.Stride * plan.Channels * sizeof(float);
        for (var h = 0; h < rows; h++)
        {
            tile.Input = workspace + h * conv.H.Stride * rowStride;
            tile.Gradients = conv.Out.At(image, first + h, 0);
            tile.GradientStep = conv.Out.PixelStride * sizeof(float);
            if (plan.Channels != conv.Groups)
            {
                PaddedCopy.Run(conv.Out, image, first + h, 1, 0, width, workspace + plan.Gradients, plan.Channels);
                tile.Gradients = workspace + plan.Gradients;
                tile.GradientStep = plan.Channels * sizeof(float);
            }
            for (var tap = 0; tap < taps; tap += DepthwiseWeightTile<V>.MaxTaps)
            {
                tile.TapOffsets = offsets + tap;
                tile.Sums = sums + (nint)tap * plan.Channels;
                DepthwiseWeightTile<V>.Run(Math.Min(DepthwiseWeightTile<V>.MaxTaps, taps - tap), &tile);
            }
        }
    }
}
