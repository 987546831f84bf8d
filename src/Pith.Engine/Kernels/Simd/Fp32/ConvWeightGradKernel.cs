namespace Pith.Kernels.Simd;

/// <summary>
/// The steps of a weight gradient with vectors <typeparamref name="V"/>. A partial sum is laid out as [group][slice][tap row, tap column,
/// channel of the slice][output channel, padded]: tiles of channels by output channels, reduced over pixels.
/// </summary>
internal static unsafe class ConvWeightGradKernel<V> where V : struct, IVec<V>
{
    /// <summary>Floats of all partial sums.</summary>
    public static nint PartialFloats(in TapConv conv)
    {
        var blocking = new ConvWeightGradBlocking(conv, V.Count);
        return blocking.Partials * blocking.PartialFloats;
    }

    /// <summary>Number of work items of <see cref="Accumulate"/>.</summary>
    public static int AccumulateItems(in TapConv conv) => new ConvWeightGradBlocking(conv, V.Count).Items;

    /// <summary>Floats of scratch memory for <see cref="Accumulate"/>.</summary>
    public static nint WorkspaceFloats(in TapConv conv) => Workspace.Plan(conv, new ConvWeightGradBlocking(conv, V.Count)).Floats;

    /// <summary>Fills items of the partial sums; an item is one slice of one group in one partial sum.</summary>
    public static void Accumulate(in TapConv conv, float* partials, int begin, int end, float* workspace)
    {
        var blocking = new ConvWeightGradBlocking(conv, V.Count);
        var scratch = Workspace.Plan(conv, blocking);
        for (var item = begin; item < end; item++)
        {
            var slice = Slice.Locate(conv, blocking, item);
            var sums = partials + slice.Partial * blocking.PartialFloats + slice.Offset;
            var (row, last) = blocking.RowsOf(slice.Partial, conv.Out.Images * conv.Out.Height);
            for (var isFirst = true; row < last || isFirst; row += blocking.BandRows, isFirst = false)
            {
                var band = PrepareBand(conv, slice, row, Math.Min(last, row + blocking.BandRows), scratch, workspace);
                if (Slides(conv)) SlideBand(conv, blocking, slice, band, sums, isFirst);
                else AddBand(conv, blocking, slice, band, sums, isFirst);
            }
        }
    }

    /// <summary>Adds the partial sums of items (one vector of output channels each) and transposes them to [K, C / Groups, R, S].</summary>
    public static void Reduce(in TapConv conv, float* partials, float* gradient, int begin, int end)
    {
        var blocking = new ConvWeightGradBlocking(conv, V.Count);
        int channels = conv.GroupIn, taps = conv.H.Count * conv.W.Count;
        var vectors = blocking.PaddedOut / V.Count;
        float* lanes = stackalloc float[V.Count];
        for (var item = begin; item < end; item++)
        {
            int group = item / vectors, first = item % vectors * V.Count;
            var valid = Math.Min(V.Count, conv.GroupOut - first);
            float* source = partials + (nint)group * taps * channels * blocking.PaddedOut + first;
            float* to = gradient + ((nint)group * conv.GroupOut + first) * channels * taps;
            for (var c = 0; c < channels; c++)
            {
                var sliceStart = c / blocking.SliceChannels * blocking.SliceChannels;
                var sliceChannels = Math.Min(blocking.SliceChannels, channels - sliceStart);
                for (var tap = 0; tap < taps; tap++, to++)
                {
                    var step = (nint)sliceStart * taps + (nint)tap * sliceChannels + (c - sliceStart);
                    float* from = source + step * blocking.PaddedOut;
                    V sum = V.Load(from);
                    for (var partial = 1; partial < blocking.Partials; partial++) sum += V.Load(from + partial * blocking.PartialFloats);
                    V.Store(lanes, sum);
                    for (var k = 0; k < valid; k++) to[(nint)k * channels * taps] = lanes[k];
                }
            }
        }
    }

    /// <summary>Parts of the scratch memory, in floats from its start.</summary>
    private readonly record struct Workspace(nint Gradients, nint PixelRuns, nint TapRuns, nint Floats)
    {
        private const int FloatsPerRun = 4;

        public static Workspace Plan(in TapConv conv, in ConvWeightGradBlocking blocking)
        {
            // A band may touch several images; each brings its own rows above and below.
            var images = blocking.BandRows / Math.Max(1, conv.Out.Height) + 2;
            var inputRows = (nint)blocking.BandRows * conv.H.Stride + (nint)images * conv.H.Extent(1);
            var input = inputRows * conv.W.Extent(conv.Out.Width) * blocking.SliceChannels;
            var gradients = (input + 15) / 16 * 16;
            // Two pixels of zeros before each row of gradients, and two at the end, for sliding tiles.
            var pixelRuns = gradients + ((nint)blocking.BandRows * (conv.Out.Width + 2) + 2) * blocking.PaddedOut;
            nint tapRuns = pixelRuns + (nint)blocking.BandRows * FloatsPerRun;
            return new Workspace(gradients, pixelRuns, tapRuns, tapRuns + (nint)conv.H.Count * conv.W.Count * FloatsPerRun);
        }
    }

    /// <summary>The part of the gradient that an item computes.</summary>
    private struct Slice
    {
        public int Partial, Group, FirstChannel, Channels;
        public nint Offset;

        public static Slice Locate(in TapConv conv, in ConvWeightGradBlocking blocking, int item)
        {
            Slice slice = default;
            slice.FirstChannel = item % blocking.Slices * blocking.SliceChannels;
            item /= blocking.Slices;
            slice.Group = item % conv.Groups;
            slice.Partial = item / conv.Groups;
            slice.Channels = Math.Min(blocking.SliceChannels, conv.GroupIn - slice.FirstChannel);
            nint firstStep = (nint)slice.Group * conv.GroupIn + slice.FirstChannel;
            slice.Offset = firstStep * conv.H.Count * conv.W.Count * blocking.PaddedOut;
            return slice;
        }
    }

    /// <summary>Operands of a band: rows [begin, end) of the output pixels of all images.</summary>
    private struct Band
    {
        public float* Input, Gradients;
        public nint RowStride, PixelStride, GradientStride;
        public TileRun* PixelRuns, TapRuns;
        public int PixelRunCount, TapRunCount;
    }

    private static Band PrepareBand(in TapConv conv, in Slice slice, int begin, int end, in Workspace scratch, float* workspace)
    {
        Band band = default;
        band.PixelRuns = (TileRun*)(workspace + scratch.PixelRuns);
        band.TapRuns = (TileRun*)(workspace + scratch.TapRuns);
        PrepareInput(conv, slice, begin, end, workspace, ref band);
        PrepareGradients(conv, slice, begin, end, workspace + scratch.Gradients, ref band);
        band.TapRunCount = TapRuns.Build(conv.H, conv.W, band.RowStride, band.PixelStride, slice.Channels, band.TapRuns);
        return band;
    }

    /// <summary>Finds the input of a band in place, or copies it with its padding; one run for each output row, merged where memory goes on.</summary>
    private static void PrepareInput(in TapConv conv, in Slice slice, int begin, int end, float* scratch, ref Band band)
    {
        var map = conv.In.Slice(slice.Group * conv.GroupIn + slice.FirstChannel, slice.Channels);
        int height = conv.Out.Height, width = conv.Out.Width, columns = conv.W.Extent(width);
        var inPlace = conv.H.StaysInside(height, conv.In.Height) && conv.W.StaysInside(width, conv.In.Width);
        band.Input = inPlace ? map.Data : scratch;
        band.PixelStride = inPlace ? map.PixelStride : map.Channels;
        band.RowStride = inPlace ? map.RowStride : (nint)columns * map.Channels;
        var length = Slides(conv) ? width + 2 : width;
        nint expected = -1;
        nint step = conv.W.Stride * band.PixelStride * sizeof(float);
        for (var row = begin; row < end;)
        {
            int image = row / height, first = row % height, rows = Math.Min(height - first, end - row);
            float* top;
            if (inPlace)
            {
                top = map.At(image, conv.H.First(first), conv.W.First(0));
            }
            else
            {
                var inputRows = conv.H.Extent(rows);
                PaddedCopy.Of(map, image).Run(conv.H.First(first), inputRows, conv.W.First(0), columns, (byte*)scratch);
                top = scratch;
                scratch += inputRows * band.RowStride;
            }
            for (var h = 0; h < rows; h++)
            {
                nint offset = ((nint)(top - band.Input) + h * conv.H.Stride * band.RowStride) * sizeof(float);
                if (offset == expected) band.PixelRuns[band.PixelRunCount - 1].Length += length;
                else band.PixelRuns[band.PixelRunCount++] = new TileRun { Offset = offset, Length = length };
                expected = offset + length * step;
            }
            row += rows;
        }
    }

    /// <summary>Finds the output gradients of a band in place where whole vectors can be read from them, else copies them with zeros around.</summary>
    private static void PrepareGradients(in TapConv conv, in Slice slice, int begin, int end, float* scratch, ref Band band)
    {
        int outputs = conv.GroupOut, height = conv.Out.Height, width = conv.Out.Width;
        var map = conv.Out.Slice(slice.Group * outputs, outputs);
        if (outputs % V.Count == 0 && map.IsUniform && !Slides(conv))
        {
            band.Gradients = map.Data + (nint)begin * width * map.PixelStride;
            band.GradientStride = map.PixelStride;
            return;
        }
        var stride = PanelPacking.PaddedOutputs(outputs, V.Count);
        var gap = Slides(conv) ? 2 * stride : 0;
        band.Gradients = scratch + gap;
        band.GradientStride = stride;
        for (var row = begin; row < end; row++)
        {
            new Span<float>(scratch, gap).Clear();
            scratch += gap;
            CopyPadded(map.At(row / height, row % height, 0), map.PixelStride, outputs, scratch, stride, width);
            scratch += (nint)width * stride;
        }
        new Span<float>(scratch, gap).Clear();
    }

    private static void CopyPadded(float* from, nint fromStride, int channels, float* to, int toStride, int pixels)
    {
        if (fromStride == channels && toStride == channels)
        {
            new Span<float>(from, pixels * channels).CopyTo(new Span<float>(to, pixels * channels));
            return;
        }
        for (var w = 0; w < pixels; w++, from += fromStride, to += toStride)
        {
            new Span<float>(from, channels).CopyTo(new Span<float>(to, channels));
            new Span<float>(to + channels, toStride - channels).Clear();
        }
    }

    // Pays where a tile is one vector wide and has channels enough to hide the latency of its sums. Its sums have the same order.
    private static bool Slides(in TapConv conv) => SlidingTile<V>.Suits(conv) && conv.GroupOut <= V.Count && conv.GroupIn >= 8;

    private static void AddBand(in TapConv conv, in ConvWeightGradBlocking blocking, in Slice slice, in Band band, float* sums, bool isFirst)
    {
        TileArgs tile = default;
        tile.RowStep = sizeof(float);
        tile.AStep = conv.W.Stride * band.PixelStride * sizeof(float);
        tile.BStep = band.GradientStride * sizeof(float);
        tile.AccStride = blocking.PaddedOut;
        tile.Accumulate = isFirst ? 0 : 1;
        tile.Runs = band.PixelRuns;
        tile.RunCount = band.PixelRunCount;
        for (var tap = 0; tap < band.TapRunCount; tap++)
        {
            float* origin = (float*)((byte*)band.Input + band.TapRuns[tap].Offset);
            var steps = (int)band.TapRuns[tap].Length;
            var tiles = (steps + V.MaxTileRows - 1) / V.MaxTileRows;
            for (var i = 0; i < tiles; i++)
            {
                int from = (int)((long)steps * i / tiles), to = (int)((long)steps * (i + 1) / tiles);
                for (var k = 0; k < blocking.PaddedOut; k += 2 * V.Count)
                {
                    tile.A = origin + from;
                    tile.B = band.Gradients + k;
                    tile.Acc = sums + (nint)from * blocking.PaddedOut + k;
                    GemmTile<V>.Run(to - from, blocking.PaddedOut - k > V.Count ? 2 : 1, &tile);
                }
            }
            sums += (nint)steps * blocking.PaddedOut;
        }
    }

    /// <summary><see cref="AddBand"/> for three taps along W that share the broadcasts of the input.</summary>
    private static void SlideBand(in TapConv conv, in ConvWeightGradBlocking blocking, in Slice slice, in Band band, float* sums, bool isFirst)
    {
        SlidingWeightTileArgs tile = default;
        tile.AStep = band.PixelStride * sizeof(float);
        tile.BStep = band.GradientStride * sizeof(float);
        tile.AccStride = blocking.PaddedOut;
        tile.AccTapStride = (nint)slice.Channels * blocking.PaddedOut;
        tile.Accumulate = isFirst ? 0 : 1;
        tile.Runs = band.PixelRuns;
        tile.RunCount = band.PixelRunCount;
        var tiles = (slice.Channels + SlidingWeightTile<V>.MaxRows - 1) / SlidingWeightTile<V>.MaxRows;
        for (var r = 0; r < conv.H.Count; r++, sums += 3 * tile.AccTapStride)
        {
            float* origin = band.Input + r * conv.H.Step * band.RowStride;
            for (var i = 0; i < tiles; i++)
            {
                int from = (int)((long)slice.Channels * i / tiles), to = (int)((long)slice.Channels * (i + 1) / tiles);
                for (var k = 0; k < blocking.PaddedOut; k += V.Count)
                {
                    tile.A = origin + from;
                    tile.B = band.Gradients + k;
                    tile.Acc = sums + (nint)from * blocking.PaddedOut + k;
                    SlidingWeightTile<V>.Run(to - from, &tile);
                }
            }
        }
    }
}
