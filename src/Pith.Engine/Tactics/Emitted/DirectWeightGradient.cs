using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The weight gradient of any convolution but a depthwise one as it is written: for each tap a product of pixels by channels, transposed, and pixels by channels.</summary>
/// <param name="products">What the copies of both operands are rounded to.</param>
internal sealed class DirectWeightGradient(FloatProducts products) : EmittedWeightGradient(products)
{
    // To be compared with Fp32Cost.
    private const double MacsPerSecond = 60e9;

    public override string Name { get; } = $"{products.Name}-{products.Family.Name}-weight-gradient";

    protected override string? Refuses(OpLayer layer, Window window) => null;

    protected override double EstimateSeconds(OpLayer layer, Device device) => layer.Macs / (MacsPerSecond * Products.Step);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, WindowOf(layer), Products, resources);

    // Products take a pixel of both operands, or two neighbours of a row. Copies of images for windows of several taps have a pair for each pixel, with the next one that the window meets: so any tap finds its pairs.
    private sealed unsafe class Runnable : WeightGradientLayer
    {
        // Copies of both operands stay in the first-level cache; with few pixels, sums are read and written too often.
        private const int BandBytes = 40 << 10, FewestPixels = 48, MostPixels = 256;

        // The forward convolution on the copies: what lies between pixels that a single tap does not meet is left out of them.
        private readonly int _height, _width, _rows, _stepRows, _stepColumns, _columns, _segmentRows, _pair;
        private readonly bool _joinsRows;
        private readonly Dictionary<int, nint> _products = [];
        private readonly PixelPairs? _pairs;

        public Runnable(OpLayer layer, Window window, FloatProducts operands, BuildResources resources) : base(layer, window)
        {
            (_height, _width) = (layer.Inputs[0]!.Height, layer.Inputs[0]!.Width);
            _pair = operands.Step;
            if (_pair > 1) _pairs = new PixelPairs(Math.Max(Slices.Channels, Slices.OutChannels), resources);
            (_stepRows, _stepColumns) = IsPoint ? (1, 1) : (window.StrideHeight, window.StrideWidth);
            _columns = (_width - 1) * _stepColumns + (window.KernelWidth - 1) * window.DilationWidth + 1;
            // Pairs may go on from row to row where both operands lie without gaps.
            _joinsRows = IsPoint && window is { StrideHeight: 1, StrideWidth: 1 } && FeatureMaps.Of(layer.Inputs[0]!, resources.MaxBatch).IsUniform && FeatureMaps.Of(layer.Inputs[1]!, resources.MaxBatch).IsUniform;
            var pixelBytes = (Slices.PanelChannels * (IsPoint ? 1 : _stepRows * _stepColumns * _pair) + Slices.PanelOutChannels) * operands.Bytes;
            _rows = Math.Max(1, Math.Clamp(BandBytes * _pair / pixelBytes, FewestPixels * _pair, MostPixels * _pair) / _width);
            _segmentRows = (window.KernelHeight - 1) * window.DilationHeight + 1;
            foreach (var slice in Enumerable.Range(0, Slices.Count).Select(index => Slices[index]))
                foreach (var channels in (int[])[Math.Min(Slices.PanelChannels, slice.Channels), (slice.Channels - 1) % Slices.PanelChannels + 1])
                {
                    var products = new OuterProductSpec(operands.Arithmetic, Lines(channels), Slices.Vectors, (IsPoint ? 1 : _pair * _stepColumns) * channels * sizeof(float), Slices.OutChannels * sizeof(float));
                    _products[channels] = resources.Kernel(OuterProductEmitter.Name(products), products, () => new OuterProductEmitter(products).Emit());
                }
        }

        protected override long SumBytes => LineAt + (_pair > 1 ? WholeLines((_columns + _stepColumns) * Slices.Channels * sizeof(float)) : 0);

        // Elements of a band, pixels or pairs of them.
        private int Elements => ElementsOf(_rows);

        // Scratch memory begins with the offsets of rows; copies of inputs come after them. Rows of a band may belong to several images, each of which brings its own around.
        private long InputsAt => WholeLines(_rows * sizeof(nint));

        private long GradientsAt => InputsAt + WholeLines(((long)_rows * _stepRows + (EvenParts.Count(_rows, _height) + 1L) * _segmentRows) * _columns * Slices.Channels * sizeof(float));

        // A row of the input before its pixels are paired.
        private long LineAt => GradientsAt + WholeLines((long)Elements * Slices.OutChannels * sizeof(float));

        private static long WholeLines(long bytes) => EvenParts.Count(bytes, AlignedMemory.Alignment) * AlignedMemory.Alignment;

        private bool IsPoint => Window is { Taps: 1, IsPadded: false };

        // Taps of a row that read neighbouring pixels are one long pixel.
        private bool JoinsTaps(int channels) => Window.DilationWidth == 1 && channels == Slices.PanelChannels;

        private int Lines(int channels) => JoinsTaps(channels) ? Window.KernelWidth * channels : channels;

        private int ElementsOf(int rows) => _joinsRows ? EvenParts.Count(rows * _width, _pair) : rows * EvenParts.Count(_width, _pair);

        protected override int Blocks(int images) => EvenParts.Count(images * _height, _rows);

        protected override void Sum(in FeatureMap x, in FeatureMap dy, WeightGradientSlice slice, int first, int end, float* sums, byte* scratch)
        {
            new Span<float>(sums, Slices.SliceFloats).Clear();
            var images = x.Slice(slice.First, slice.Channels);
            if (IsPoint) images = images.EveryNth(0, 0, Window.StrideHeight, Window.StrideWidth);
            var outputs = dy.Slice(slice.FirstOut, slice.OutChannels);
            var all = x.Images * _height;
            for (var block = first; block < end; block++)
            {
                var (row, last) = (block * _rows, Math.Min((block + 1) * _rows, all));
                CopyInputs(images, row, last, scratch);
                CopyPanels(outputs, row, last, Slices.PanelOutChannels, isPadded: true, scratch + GradientsAt);
                for (var channel = 0; channel < slice.Channels; channel += Slices.PanelChannels)
                    for (var k = 0; k < slice.OutChannels; k += Slices.PanelOutChannels)
                        Multiply(channel, Math.Min(Slices.PanelChannels, slice.Channels - channel), k, last - row, sums, scratch);
            }
        }

        // Copies what the rows read, and lists where each begins.
        private void CopyInputs(in FeatureMap images, int row, int end, byte* scratch)
        {
            var offsets = (nint*)scratch;
            byte* inputs = scratch + InputsAt, to = inputs;
            if (IsPoint)
            {
                CopyPanels(images, row, end, Slices.PanelChannels, isPadded: false, inputs);
                *offsets = 0;
                return;
            }
            var rowBytes = (nint)_columns * images.Channels * sizeof(float);
            while (row < end)
            {
                var (image, inImage) = Math.DivRem(row, _height);
                var rows = Math.Min(_height - inImage, end - row);
                var read = (rows - 1) * _stepRows + _segmentRows;
                CopyRows(PaddedCopy.Of(images, image), images.Channels, inImage * _stepRows - Window.PadTop, read, to, scratch + LineAt);
                for (var i = 0; i < rows; i++) *offsets++ = (nint)(to - inputs) + i * _stepRows * rowBytes;
                to += read * rowBytes;
                row += rows;
            }
        }

        private void CopyRows(in PaddedCopy copy, int channels, int first, int rows, byte* to, byte* line)
        {
            if (_pairs is null)
            {
                copy.Run(first, rows, -Window.PadLeft, _columns, to);
                return;
            }
            var (count, step) = (_columns * channels, _stepColumns * channels);
            // After the last pixel.
            new Span<float>((float*)line + count, step).Clear();
            for (var row = first; row < first + rows; row++, to += (nint)count * sizeof(float))
            {
                copy.Run(row, 1, -Window.PadLeft, _columns, line);
                _pairs.Run((float*)line, (float*)line + step, 1, count, 0, to, 0);
            }
        }

        // Copies pixels to panels of channels, each [elements][channels of the panel], the last with zeros after its channels or with fewer.
        private void CopyPanels(in FeatureMap map, int row, int end, int panelChannels, bool isPadded, byte* to)
        {
            for (var channel = 0; channel < map.Channels; channel += panelChannels, to += (nint)Elements * panelChannels * sizeof(float))
            {
                var channels = Math.Min(panelChannels, map.Channels - channel);
                var stored = isPadded ? panelChannels : channels;
                if (stored > channels) new Span<byte>(to, ElementsOf(end - row) * stored * sizeof(float)).Clear();
                if (_joinsRows)
                {
                    CopyPixels(map.At(row / _height, row % _height, 0) + channel, (end - row) * _width, map.PixelStride, channels, (float*)to, stored);
                    continue;
                }
                for (var i = 0; i < end - row; i++) CopyPixels(map.At((row + i) / _height, (row + i) % _height, 0) + channel, _width, map.PixelStride, channels, (float*)to + (nint)ElementsOf(i) * stored, stored);
            }
        }

        private void CopyPixels(float* from, int pixels, nint stride, int channels, float* to, int stored)
        {
            if (_pairs is not null)
            {
                _pairs.RunPixels(from, pixels, stride, channels, (byte*)to, stored * sizeof(float));
                return;
            }
            for (var i = 0; i < pixels; i++, from += stride, to += stored) Copy(from, to, channels);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Copy(float* from, float* to, int count)
        {
            for (; count >= PanelShape.Lanes; count -= PanelShape.Lanes, from += PanelShape.Lanes, to += PanelShape.Lanes) Vector512.Load(from).Store(to);
            for (; count > 0; count--) *to++ = *from++;
        }

        private void Multiply(int channel, int channels, int k, int rows, float* sums, byte* scratch)
        {
            var args = new OuterProductArgs { B = scratch + GradientsAt + (nint)k * Elements * sizeof(float), Rows = (nint*)scratch, RowCount = rows, Columns = EvenParts.Count(_width, _pair) };
            // Copies of single pixels are one row.
            if (IsPoint) (args.RowCount, args.Columns) = (1, ElementsOf(rows));
            var code = (delegate* unmanaged<OuterProductArgs*, void>)_products[channels];
            for (var tapRow = 0; tapRow < Window.KernelHeight; tapRow++)
                for (var tapColumn = 0; tapColumn < Window.KernelWidth; tapColumn += JoinsTaps(channels) ? Window.KernelWidth : 1)
                {
                    args.A = scratch + InputsAt + ((nint)channel * Elements + ((nint)tapRow * Window.DilationHeight * _columns + tapColumn * Window.DilationWidth) * channels) * sizeof(float);
                    args.Sums = sums + (((nint)tapRow * Window.KernelWidth + tapColumn) * Slices.Channels + channel) * Slices.OutChannels + k;
                    code(&args);
                }
        }
    }
}
