namespace Pith.Kernels.Simd;

/// <summary>
/// Runs work items of a depthwise <see cref="TapConv"/>, reading the input where it lies. An item is a band of output rows of one image. It falls into
/// rectangles whose outputs have the same taps inside the input: the interior with all of them, edges and corners with fewer.
/// </summary>
internal static unsafe class DepthwiseKernel<V> where V : struct, IVec<V>
{
    private const int TargetBandBytes = 192 << 10;
    private const int TargetItems = 16;

    public static int WorkItems(in TapConv conv) => conv.Out.Width == 0 ? 0 : Bands(conv) * conv.Out.Images;

    public static nint WorkspaceFloats(in TapConv conv) => Workspace.Plan(conv).Floats;

    public static void Run(in TapConv conv, int begin, int end, float* workspace)
    {
        fixed (TapConv* pointer = &conv) ActivationDispatch.Run(conv.Activation.Kind, new Body(pointer, begin, end, workspace));
    }

    private readonly struct Body(TapConv* conv, int begin, int end, float* workspace) : IActivationBody
    {
        private readonly TapConv* _conv = conv;
        private readonly int _begin = begin, _end = end;
        private readonly float* _workspace = workspace;

        public void Run<TActivation>() where TActivation : struct, IActivation
        {
            for (var item = _begin; item < _end; item++) RunItem<TActivation>(*_conv, item, _workspace);
        }
    }

    /// <summary>Parts of the scratch memory, in floats from its start.</summary>
    private readonly record struct Workspace(nint Columns, nint Taps, nint Floats)
    {
        public static Workspace Plan(in TapConv conv)
        {
            nint columns = FloatsOf(sizeof(TapSegment), TapSegment.MaxCount(conv.H.Count));
            var taps = columns + FloatsOf(sizeof(TapSegment), TapSegment.MaxCount(conv.W.Count));
            return new Workspace(columns, taps, taps + FloatsOf(sizeof(DepthwiseTap), conv.H.Count * conv.W.Count));
        }

        private static nint FloatsOf(int bytes, int count) => (nint)bytes / sizeof(float) * count;
    }

    private static int BandRows(in TapConv conv)
    {
        var rowBytes = (long)Math.Max(1, conv.W.Extent(conv.Out.Width)) * conv.Groups * sizeof(float) * conv.H.Stride;
        var enoughItems = (int)Math.Clamp((long)conv.Out.Height * conv.Out.Images / TargetItems, 1, Math.Max(1, conv.Out.Height));
        return (int)Math.Clamp(TargetBandBytes / rowBytes, 1, enoughItems);
    }

    private static int Bands(in TapConv conv)
    {
        var rows = BandRows(conv);
        return (conv.Out.Height + rows - 1) / rows;
    }

    private static void RunItem<TActivation>(in TapConv conv, int item, float* workspace) where TActivation : struct, IActivation
    {
        int bands = Bands(conv), bandRows = BandRows(conv);
        int image = item / bands, first = item % bands * bandRows;
        var scratch = Workspace.Plan(conv);
        var rows = (TapSegment*)workspace;
        var columns = (TapSegment*)(workspace + scratch.Columns);
        var rowSegments = TapSegment.Cut(conv.H, conv.In.Height, first, Math.Min(first + bandRows, conv.Out.Height), rows);
        var columnSegments = TapSegment.Cut(conv.W, conv.In.Width, 0, conv.Out.Width, columns);
        for (var i = 0; i < rowSegments; i++)
        {
            for (var j = 0; j < columnSegments; j++)
            {
                RunRectangle<TActivation>(conv, image, rows[i], columns[j], (DepthwiseTap*)(workspace + scratch.Taps));
            }
        }
        if (Streams(conv)) CacheLines.Fence();
    }

    // With gaps between pixels, rows or images, vectors are still whole lines where all strides are multiples of a line.
    private static bool Streams(in TapConv conv) =>
        (conv.Out.PixelStride | conv.Out.RowStride | conv.Out.ImageStride) % V.Count == 0 && CacheLines.MayStream<V>(conv.Out.Data, conv.Out.Pixels, conv.Groups);

    private static void RunRectangle<TActivation>(in TapConv conv, int image, in TapSegment rows, in TapSegment columns, DepthwiseTap* taps)
        where TActivation : struct, IActivation
    {
        DepthwiseTileArgs tile = default;
        tile.Taps = taps;
        tile.TapCount = ListTaps(conv, rows, columns, taps);
        tile.Weights = conv.Packed;
        tile.Bias = conv.Bias;
        tile.Channels = conv.Groups;
        tile.Streams = Streams(conv);
        tile.A = conv.Activation.A;
        tile.B = conv.Activation.B;
        // Tiles run along the longer side: an edge column of one pixel is walked downwards.
        if (columns.Outputs >= rows.Outputs)
        {
            tile.InputStep = conv.W.Stride * conv.In.PixelStride * sizeof(float);
            tile.OutStep = conv.Out.PixelStride * sizeof(float);
            tile.ResidualStep = conv.Residual.PixelStride * sizeof(float);
            for (var h = 0; h < rows.Outputs; h++) RunLine<TActivation>(conv, tile, image, rows.Output + h, columns.Output, columns.Outputs);
        }
        else
        {
            tile.InputStep = conv.H.Stride * conv.In.RowStride * sizeof(float);
            tile.OutStep = conv.Out.RowStride * sizeof(float);
            tile.ResidualStep = conv.Residual.RowStride * sizeof(float);
            for (var w = 0; w < columns.Outputs; w++) RunLine<TActivation>(conv, tile, image, rows.Output, columns.Output + w, rows.Outputs);
        }
    }

    private static void RunLine<TActivation>(in TapConv conv, DepthwiseTileArgs tile, int image, int row, int column, int outputs)
        where TActivation : struct, IActivation
    {
        var input = (byte*)conv.In.At(image, conv.H.First(row), conv.W.First(column));
        var output = (byte*)conv.Out.At(image, row, column);
        var residual = conv.Residual.Data == null ? null : (byte*)conv.Residual.At(image, row, column);
        var tiles = (outputs + DepthwiseTile<V>.MaxPixels - 1) / DepthwiseTile<V>.MaxPixels;
        for (var i = 0; i < tiles; i++)
        {
            int from = (int)((long)outputs * i / tiles), to = (int)((long)outputs * (i + 1) / tiles);
            tile.Input = (float*)(input + from * tile.InputStep);
            tile.Out = (float*)(output + from * tile.OutStep);
            tile.Residual = residual == null ? null : (float*)(residual + from * tile.ResidualStep);
            DepthwiseTile<V>.Run<TActivation>(to - from, &tile);
        }
    }

    private static int ListTaps(in TapConv conv, in TapSegment rows, in TapSegment columns, DepthwiseTap* taps)
    {
        nint weightStride = PanelPacking.PaddedOutputs(conv.Groups, V.Count);
        var count = 0;
        for (var r = rows.Tap; r < rows.Tap + rows.Taps; r++)
        {
            for (var s = columns.Tap; s < columns.Tap + columns.Taps; s++)
            {
                taps[count].Input = (r * conv.H.Step * conv.In.RowStride + s * conv.W.Step * conv.In.PixelStride) * sizeof(float);
                taps[count++].Weight = (r * conv.W.Count + s) * weightStride * sizeof(float);
            }
        }
        return count;
    }
}
