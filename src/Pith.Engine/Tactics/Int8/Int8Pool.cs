using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Maximum and average of 8-bit images over windows, by rows of the output.</summary>
internal sealed unsafe class Int8Pool : Tactic<PoolLayer>
{
    // Channels that one part of a global average works on.
    private const int GlobalChannels = 256;

    public override string Name => "int8-pool";

    protected override Verdict Accept(PoolLayer layer, Device device) => layer.Input.IsQuantized ? Verdict.Yes : Verdict.NotFor("8-bit images");

    protected override double EstimateSeconds(PoolLayer layer, Device device) => (double)layer.Output.Pixels(1) * layer.Window.Taps * layer.Input.Channels / 20e9;

    protected override RunnableLayer Build(PoolLayer layer, BuildResources resources)
    {
        var isa = resources.Device.Features;
        return layer.IsMax ? new Max(layer, isa) : isa.VectorBytes switch
        {
            64 => new Average<Lanes512>(layer, isa),
            32 => new Average<Lanes256>(layer, isa),
            _ => new Average<Lanes128>(layer, isa),
        };
    }

    /// <summary>What the two kinds share: where the window of an output pixel lies.</summary>
    private abstract class Pool : RunnableLayer
    {
        private readonly (int First, int Count)[] _rows;
        private readonly (int First, int Count)[] _columns;

        protected Pool(PoolLayer layer, CpuFeatures isa)
        {
            Layer = layer;
            IsWide = isa.VectorBytes == 64;
            var w = layer.Window;
            _rows = [.. Enumerable.Range(0, OutHeight).Select(y => Inside(y * w.StrideHeight - w.PadTop, w.KernelHeight, w.DilationHeight, layer.Input.Height))];
            _columns = [.. Enumerable.Range(0, OutWidth).Select(x => Inside(x * w.StrideWidth - w.PadLeft, w.KernelWidth, w.DilationWidth, layer.Input.Width))];
        }

        protected PoolLayer Layer { get; }

        protected bool IsWide { get; }

        // Scratch holds the addresses of the window's rows.
        public override long ScratchBytes => (long)Layer.Window.KernelHeight * sizeof(byte*);

        protected int OutHeight => Layer.Output.Height;

        protected int OutWidth => Layer.Output.Width;

        protected nint ColumnStride => (nint)Layer.Window.DilationWidth * Layer.Input.PixelBytes;

        /// <summary>The first row of the input that is under the windows of a row of outputs, and how many are.</summary>
        protected (int First, int Count) Rows(int y) => _rows[y];

        /// <summary>The same for columns.</summary>
        protected (int First, int Count) Columns(int x) => _columns[x];

        /// <summary>The rows and columns of the window at an output pixel that lie inside the input.</summary>
        protected (int Rows, int Columns) WindowAt(byte* image, int y, int x, byte** rows)
        {
            var ((firstRow, rowCount), (firstColumn, columns)) = (_rows[y], _columns[x]);
            var row = image + Layer.Input.PixelOffset(0, firstRow, firstColumn);
            for (var r = 0; r < rowCount; r++, row += Layer.Window.DilationHeight * Layer.Input.RowBytes) rows[r] = row;
            return (rowCount, columns);
        }

        private static (int First, int Count) Inside(int start, int taps, int dilation, int size)
        {
            // Padding may be longer than the window: none of its taps is inside then.
            var skipped = start < 0 ? Math.Min((-start + dilation - 1) / dilation, taps) : 0;
            var first = start + skipped * dilation;
            return (first, first >= size ? 0 : Math.Min(taps - skipped, (size - 1 - first) / dilation + 1));
        }

        protected byte* Image(RunState state, int image) => state.Address(Layer.Input) + image * Layer.Input.ImageBytes;
    }

    // A part is some rows of the output. The maximum along the windows' columns is taken for a whole row of the input, then along their rows for each output.
    private sealed class Max : Pool, IParallelBody
    {
        private const int PartBytes = 32 << 10;

        // A run of less than a vector of bytes is taken as a whole vector.
        private const int LeastBytes = 16;

        private readonly int _rowsOfPart;

        // The outputs whose windows lie inside the row.
        private readonly (int First, int Count) _whole;

        public Max(PoolLayer layer, CpuFeatures isa) : base(layer, isa)
        {
            _rowsOfPart = (int)Math.Clamp(PartBytes / layer.Output.RowBytes, 1, layer.Output.Height);
            var whole = Enumerable.Range(0, OutWidth).Where(x => Columns(x).Count == layer.Window.KernelWidth).ToArray();
            if (whole.Length > 0) _whole = (whole[0], whole.Length);
        }

        // The row of maxima, one pixel that is copied when it is small, then the addresses.
        public override long ScratchBytes => ColumnBytes + 2 * LeastBytes + (long)Math.Max(Layer.Window.KernelHeight, Layer.Window.KernelWidth) * sizeof(byte*);

        private int PartsPerImage => (OutHeight + _rowsOfPart - 1) / _rowsOfPart;

        private nint ColumnBytes => ((nint)Layer.Input.Width * Layer.Input.PixelBytes + 63) & -64;

        public override void Run(RunState state) => state.RunParallel(this, Layer.Input.Shape.Size(0, state.Batch) * PartsPerImage);

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, first) = Math.DivRem(part, PartsPerImage);
            var maxima = state.Scratch(worker);
            var pixel = maxima + ColumnBytes + LeastBytes;
            var addresses = (byte**)(pixel + LeastBytes);
            nint channels = Layer.Input.PixelBytes, bytes = Math.Max(LeastBytes, Layer.Input.Width * channels);
            for (var y = first * _rowsOfPart; y < Math.Min(OutHeight, (first + 1) * _rowsOfPart); y++)
            {
                var rows = RowsAt(Image(state, image), y, addresses);
                var output = state.Address(Layer.Output) + Layer.Output.PixelOffset(image, y, 0);
                if (rows > 0) PoolInt8.Max(addresses, rows, bytes, IsWide, maxima);
                else new Span<byte>(maxima, (int)bytes).Clear();
                for (var x = 0; x < OutWidth; x++, output += channels)
                {
                    if (x == _whole.First && _whole.Count > 0 && channels >= LeastBytes)
                    {
                        PoolInt8.MaxOfRow(maxima + Columns(x).First * channels, Layer.Window.StrideWidth * channels, _whole.Count, Layer.Window.KernelWidth, ColumnStride, channels, IsWide, output);
                        x += _whole.Count - 1;
                        output += (_whole.Count - 1) * channels;
                        continue;
                    }
                    var columns = ColumnsAt(maxima, x, addresses);
                    if (columns == 0) new Span<byte>(output, (int)channels).Clear();
                    else if (channels >= LeastBytes) PoolInt8.Max(addresses, columns, channels, IsWide, output);
                    else
                    {
                        PoolInt8.Max(addresses, columns, LeastBytes, IsWide, pixel);
                        Buffer.MemoryCopy(pixel, output, channels, channels);
                    }
                }
            }
        }

        // The rows of the window at a row of outputs that lie inside the input.
        private int RowsAt(byte* image, int y, byte** rows)
        {
            var (first, count) = Rows(y);
            for (var r = 0; r < count; r++) rows[r] = image + Layer.Input.PixelOffset(0, first + r * Layer.Window.DilationHeight, 0);
            return count;
        }

        private int ColumnsAt(byte* row, int x, byte** columns)
        {
            var (first, count) = Columns(x);
            for (var s = 0; s < count; s++) columns[s] = row + (nint)first * Layer.Input.PixelBytes + s * ColumnStride;
            return count;
        }
    }

    private sealed class Average<T> : Pool, IParallelBody where T : struct, ILanes<T>
    {
        private readonly int _blocks;
        private readonly int _blockChannels;
        private readonly int[] _counts;
        private readonly float _scale;
        private readonly bool _isByte;
        private readonly Quantizer<T> _quantizer;
        private readonly Quantizer<ScalarLane> _quantizerOfOne;

        public Average(PoolLayer layer, CpuFeatures isa) : base(layer, isa)
        {
            // One output pixel is shared out by channels, many by rows.
            _blockChannels = layer.IsGlobal ? GlobalChannels : layer.Input.PixelBytes;
            _blocks = (layer.Input.PixelBytes + _blockChannels - 1) / _blockChannels;
            _counts = [.. Enumerable.Range(0, OutHeight * OutWidth).Select(i => layer.Count(i / OutWidth, i % OutWidth))];
            _scale = layer.InputQuantization!.Value.Scale;
            if (layer.OutputQuantization is not { } to) return;
            (_isByte, _quantizer, _quantizerOfOne) = (true, new Quantizer<T>(to), new Quantizer<ScalarLane>(to));
        }

        public override long ScratchBytes => base.ScratchBytes + 64 + _blockChannels * sizeof(int);

        public override void Run(RunState state) => state.RunParallel(this, Layer.Input.Shape.Size(0, state.Batch) * OutHeight * _blocks);

        public void RunPart(RunState state, int part, int worker)
        {
            (part, var block) = Math.DivRem(part, _blocks);
            var (image, y) = Math.DivRem(part, OutHeight);
            var first = block * _blockChannels;
            var sums = (int*)state.Scratch(worker);
            var rows = (byte**)(sums + _blockChannels);
            for (var x = 0; x < OutWidth; x++)
            {
                var (rowCount, columns) = WindowAt(Image(state, image) + first, y, x, rows);
                var channels = Math.Min(_blockChannels, Layer.Input.PixelBytes - first);
                PoolInt8.Sum(rows, rowCount, columns, ColumnStride, channels, IsWide, sums);
                var pixel = state.Address(Layer.Output) + Layer.Output.PixelOffset(image, y, x);
                Store(sums, rowCount * columns, _counts[y * OutWidth + x], first, channels, pixel);
            }
        }

        private void Store(int* sums, int inside, int count, int first, int channels, byte* pixel)
        {
            var offset = inside * Layer.InputQuantization!.Value.StoredZeroPoint;
            if (!_isByte) channels = Math.Min(channels, Layer.Output.Channels - first);
            for (var c = 0; c < channels; c++) sums[c] -= offset;
            var whole = channels / T.Count * T.Count;
            for (var c = 0; c < whole; c += T.Count) Store(sums + c, count, _quantizer, pixel, first + c);
            for (var c = whole; c < channels; c++) Store(sums + c, count, _quantizerOfOne, pixel, first + c);
        }

        private void Store<TLanes>(int* sums, int count, in Quantizer<TLanes> quantizer, byte* pixel, int channel) where TLanes : struct, ILanes<TLanes>
        {
            var mean = TLanes.FromInts(sums) * TLanes.Broadcast(_scale) / TLanes.Broadcast(count);
            if (_isByte) quantizer.Store(mean, pixel + channel);
            else TLanes.Store((float*)pixel + channel, mean);
        }
    }
}
