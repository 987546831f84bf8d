namespace Pith.Kernels.Simd;

/// <summary>
/// Weight gradient of a depthwise convolution with vectors <typeparamref name="V"/>, reading both operands where they lie. A partial sum is
/// [tap, channel], channels padded to whole vectors, over a fixed share of the output rows of all images.
/// </summary>
internal static unsafe class DepthwiseWeightGradKernel<V> where V : struct, IVec<V>
{
    private const int MaxPartials = 16;
    private const int TargetBandBytes = 128 << 10;

    public static nint PartialFloats(in TapConv conv) => Partials(conv) * SumFloats(conv);

    public static int AccumulateItems(in TapConv conv) => Partials(conv);

    public static nint WorkspaceFloats(in TapConv conv)
    {
        // A tap offset takes two floats.
        nint segment = sizeof(TapSegment) / sizeof(float);
        return segment * (TapSegment.MaxCount(conv.H.Count) + TapSegment.MaxCount(conv.W.Count)) + 2 * conv.H.Count * conv.W.Count;
    }

    /// <summary>Fills partial sums [<paramref name="begin"/>, <paramref name="end"/>).</summary>
    public static void Accumulate(in TapConv conv, float* partials, int begin, int end, float* workspace)
    {
        var rows = conv.Out.Images * conv.Out.Height;
        var rowBytes = (long)Math.Max(1, conv.W.Extent(conv.Out.Width)) * conv.Groups * sizeof(float) * conv.H.Stride;
        var bandRows = (int)Math.Clamp(TargetBandBytes / rowBytes, 1, Math.Max(1, conv.Out.Height));
        for (var partial = begin; partial < end; partial++)
        {
            float* sums = partials + partial * SumFloats(conv);
            new Span<float>(sums, (int)SumFloats(conv)).Clear();
            int row = (int)((long)rows * partial / Partials(conv)), last = (int)((long)rows * (partial + 1) / Partials(conv));
            while (row < last)
            {
                int image = row / conv.Out.Height, first = row % conv.Out.Height;
                var count = Math.Min(bandRows, Math.Min(conv.Out.Height - first, last - row));
                AddBand(conv, sums, image, first, count, workspace);
                row += count;
            }
        }
    }

    /// <summary>Adds the partial sums and transposes them to [C, 1, R, S].</summary>
    public static void Reduce(in TapConv conv, float* partials, float* gradient)
    {
        int taps = conv.H.Count * conv.W.Count, channels = PaddedChannels(conv);
        for (var tap = 0; tap < taps; tap++)
        {
            for (var c = 0; c < conv.Groups; c++)
            {
                float* from = partials + (nint)tap * channels + c;
                var sum = from[0];
                for (var partial = 1; partial < Partials(conv); partial++) sum += from[partial * SumFloats(conv)];
                gradient[(nint)c * taps + tap] = sum;
            }
        }
    }

    private static int PaddedChannels(in TapConv conv) => PanelPacking.PaddedOutputs(conv.Groups, V.Count);

    private static nint SumFloats(in TapConv conv) => (nint)conv.H.Count * conv.W.Count * PaddedChannels(conv);

    private static int Partials(in TapConv conv) => Math.Clamp(conv.Out.Images * conv.Out.Height, 1, MaxPartials);

    private static void AddBand(in TapConv conv, float* sums, int image, int first, int count, float* workspace)
    {
        var rows = (TapSegment*)workspace;
        var columns = rows + TapSegment.MaxCount(conv.H.Count);
        var offsets = (nint*)(columns + TapSegment.MaxCount(conv.W.Count));
        for (var tap = 0; tap < conv.H.Count * conv.W.Count; tap++)
        {
            var floats = tap / conv.W.Count * conv.H.Step * conv.In.RowStride + tap % conv.W.Count * conv.W.Step * conv.In.PixelStride;
            offsets[tap] = floats * sizeof(float);
        }
        var rowSegments = TapSegment.Cut(conv.H, conv.In.Height, first, first + count, rows);
        var columnSegments = TapSegment.Cut(conv.W, conv.In.Width, 0, conv.Out.Width, columns);
        for (var i = 0; i < rowSegments; i++)
        {
            for (var j = 0; j < columnSegments; j++) AddRectangle(conv, sums, image, rows[i], columns[j], offsets);
        }
    }

    private static void AddRectangle(in TapConv conv, float* sums, int image, in TapSegment rows, in TapSegment columns, nint* offsets)
    {
        DepthwiseWeightTileArgs tile = default;
        tile.Channels = conv.Groups;
        tile.SumStride = PaddedChannels(conv);
        // Lines run along the longer side: an edge column of one pixel is walked downwards.
        var alongRows = columns.Outputs >= rows.Outputs;
        tile.Pixels = alongRows ? columns.Outputs : rows.Outputs;
        tile.InputStep = (alongRows ? conv.W.Stride * conv.In.PixelStride : conv.H.Stride * conv.In.RowStride) * sizeof(float);
        tile.GradientStep = (alongRows ? conv.Out.PixelStride : conv.Out.RowStride) * sizeof(float);
        var lines = alongRows ? rows.Outputs : columns.Outputs;
        for (var line = 0; line < lines; line++)
        {
            int row = rows.Output + (alongRows ? line : 0), column = columns.Output + (alongRows ? 0 : line);
            tile.Input = conv.In.At(image, conv.H.First(row), conv.W.First(column));
            tile.Gradients = conv.Out.At(image, row, column);
            AddLine(conv, ref tile, sums, rows, columns, offsets);
        }
    }

    private static void AddLine(in TapConv conv, ref DepthwiseWeightTileArgs tile, float* sums, in TapSegment rows, in TapSegment columns, nint* offsets)
    {
        // Taps of all columns follow each other across tap rows; otherwise each tap row is a range of its own.
        var whole = columns.Taps == conv.W.Count;
        int ranges = whole ? 1 : rows.Taps, length = whole ? rows.Taps * columns.Taps : columns.Taps;
        fixed (DepthwiseWeightTileArgs* t = &tile)
        {
            for (var range = 0; range < ranges; range++)
            {
                var tap = (rows.Tap + range) * conv.W.Count + columns.Tap;
                for (var left = length; left > 0;)
                {
                    var taps = Math.Min(DepthwiseWeightTile<V>.MaxTaps, left);
                    t->TapOffsets = offsets + tap;
                    t->Sums = sums + tap * t->SumStride;
                    DepthwiseWeightTile<V>.Run(taps, t);
                    tap += taps;
                    left -= taps;
                }
            }
        }
    }
}
