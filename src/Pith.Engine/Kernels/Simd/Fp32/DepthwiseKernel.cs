namespace Pith.Kernels.Simd;

/// <summary>
/// Runs work items of a depthwise <see cref="TapConv"/>. An item is a band of output rows of one image; it reads the input where it lies when
/// there is no padding and the channels fill whole vectors, else a copy with zeros around.
/// </summary>
internal static unsafe class DepthwiseKernel<V> where V : struct, IVec<V>
{
    private const int TargetBandBytes = 192 << 10;
    private const int TargetItems = 16;

    public static int WorkItems(in TapConv conv) => new Plan(conv).Items;

    public static nint WorkspaceFloats(in TapConv conv) => new Plan(conv).WorkspaceFloats;

    public static void Run(in TapConv conv, int begin, int end, float* workspace)
    {
        var plan = new Plan(conv);
        for (var item = begin; item < end; item++) RunItem(conv, plan, item, workspace);
    }

    private readonly struct Plan
    {
        public readonly int BandRows, Bands, Items, Channels;
        public readonly bool Copies;
        public readonly nint TapOffsets, Sums, WorkspaceFloats;

        public Plan(in TapConv conv)
        {
            int height = conv.Out.Height, width = conv.Out.Width;
            Channels = PanelPacking.PaddedOutputs(conv.Groups, V.Count);
            Copies = Channels != conv.Groups || !conv.H.StaysInside(height, conv.In.Height) || !conv.W.StaysInside(width, conv.In.Width);
            var rowFloats = (nint)conv.W.Extent(width) * Channels;
            var rows = TargetBandBytes / Math.Max(1, rowFloats * sizeof(float) * conv.H.Stride);
            var enough = (int)Math.Clamp((long)height * conv.Out.Images / TargetItems, 1, Math.Max(1, height));
            BandRows = (int)Math.Clamp(rows, 1, enough);
            Bands = (height + BandRows - 1) / BandRows;
            Items = width == 0 ? 0 : Bands * conv.Out.Images;
            Sums = Copies ? conv.H.Extent(BandRows) * rowFloats : 0;
            TapOffsets = Sums + (nint)width * Channels;
            // A tap offset takes two floats.
            WorkspaceFloats = TapOffsets + 2 * (nint)conv.H.Count * conv.W.Count;
        }
    }

    private static void RunItem(in TapConv conv, in Plan plan, int item, float* workspace)
    {
        int image = item / plan.Bands, first = item % plan.Bands * plan.BandRows;
        var rows = Math.Min(plan.BandRows, conv.Out.Height - first);
        int inputRow = conv.H.First(first), inputColumn = conv.W.First(0);
        float* input;
        nint rowStride, pixelStride;
        if (plan.Copies)
        {
            var columns = conv.W.Extent(conv.Out.Width);
            PaddedCopy.Run(conv.In, image, inputRow, conv.H.Extent(rows), inputColumn, columns, workspace, plan.Channels);
            input = workspace;
            pixelStride = plan.Channels;
            rowStride = (nint)columns * plan.Channels;
        }
        else
        {
            input = conv.In.At(image, inputRow, inputColumn);
            pixelStride = conv.In.PixelStride;
            rowStride = conv.In.RowStride;
        }

        DepthwiseTileArgs tile = default;
        tile.Weights = conv.Packed;
        tile.Channels = plan.Channels;
        tile.Taps = conv.H.Count * conv.W.Count;
        tile.PixelStep = conv.W.Stride * pixelStride * sizeof(float);
        tile.TapOffsets = (nint*)(workspace + plan.TapOffsets);
        for (var tap = 0; tap < tile.Taps; tap++)
        {
            tile.TapOffsets[tap] =
                (tap / conv.W.Count * conv.H.Step * rowStride + tap % conv.W.Count * conv.W.Step * pixelStride) * sizeof(float);
        }
        for (var h = 0; h < rows; h++)
        {
            RunRow(conv, ref tile, input + h * conv.H.Stride * rowStride, workspace + plan.Sums);
            WriteRow(conv, plan, workspace + plan.Sums, image, first + h);
        }
    }

    private static void RunRow(in TapConv conv, ref DepthwiseTileArgs tile, float* input, float* sums)
    {
        var width = conv.Out.Width;
        var tiles = (width + DepthwiseTile<V>.MaxPixels - 1) / DepthwiseTile<V>.MaxPixels;
        fixed (DepthwiseTileArgs* t = &tile)
        {
            for (var i = 0; i < tiles; i++)
            {
                int from = (int)((long)width * i / tiles), to = (int)((long)width * (i + 1) / tiles);
                t->Input = (float*)((byte*)input + from * t->PixelStep);
                t->Sums = sums + (nint)from * t->Channels;
                DepthwiseTile<V>.Run(to - from, t);
            }
        }
    }

    private static void WriteRow(in TapConv conv, in Plan plan, float* sums, int image, int row)
    {
        EpilogueArgs epilogue;
        epilogue.Sums = sums;
        epilogue.SumStride = plan.Channels;
        epilogue.Rows = conv.Out.Width;
        epilogue.Channels = conv.Groups;
        epilogue.Bias = conv.Bias;
        epilogue.Out = conv.Out.At(image, row, 0);
        epilogue.OutStride = conv.Out.PixelStride;
        epilogue.Residual = conv.Residual.Data == null ? null : conv.Residual.At(image, row, 0);
        epilogue.ResidualStride = conv.Residual.PixelStride;
        epilogue.A = conv.Activation.A;
        epilogue.B = conv.Activation.B;
        TileEpilogue<V>.Run(conv.Activation.Kind, &epilogue);
    }
}
