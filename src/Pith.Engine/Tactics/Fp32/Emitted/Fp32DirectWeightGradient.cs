using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The weight gradient of any convolution but a depthwise one as it is written: for each tap a product of pixels by channels, transposed, and pixels by channels.</summary>
internal sealed class Fp32DirectWeightGradient : Fp32EmittedWeightGradient
{
    // To be compared with Fp32Cost.
    private const double MacsPerSecond = 60e9;

    public override string Name => "fp32-avx512-weight-gradient";

    protected override string? Refuses(OpLayer layer, Window window) => null;

    protected override double EstimateSeconds(OpLayer layer, Device device) => layer.Macs / MacsPerSecond;

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, WindowOf(layer), resources);

    private sealed unsafe class Runnable : WeightGradientLayer
    {
        // Copies of both operands stay in the first-level cache; with few pixels, sums are read and written too often.
        private const int BandBytes = 40 << 10, FewestPixels = 48, MostPixels = 256;

        // The forward convolution on the copies: what lies between pixels that a single tap does not meet is left out of them.
        private readonly int _height, _width, _rows, _stepRows, _stepColumns, _columns, _segmentRows;
        private readonly Dictionary<int, nint> _products = [];

        public Runnable(OpLayer layer, Window window, BuildResources resources) : base(layer, window)
        {
            (_height, _width) = (layer.Inputs[0]!.Height, layer.Inputs[0]!.Width);
            (_stepRows, _stepColumns) = IsPoint ? (1, 1) : (window.StrideHeight, window.StrideWidth);
            _columns = (_width - 1) * _stepColumns + (window.KernelWidth - 1) * window.DilationWidth + 1;
            var pixelBytes = (Slices.PanelChannels * _stepRows * _stepColumns + Slices.PanelOutChannels) * sizeof(float);
            _rows = Math.Max(1, Math.Clamp(BandBytes / pixelBytes, FewestPixels, MostPixels) / _width);
            _segmentRows = (window.KernelHeight - 1) * window.DilationHeight + 1;
            foreach (var slice in Enumerable.Range(0, Slices.Count).Select(index => Slices[index]))
                foreach (var channels in (int[])[Math.Min(Slices.PanelChannels, slice.Channels), (slice.Channels - 1) % Slices.PanelChannels + 1])
                {
                    var products = new OuterProductSpec(Lines(channels), Slices.Vectors, _stepColumns * channels * sizeof(float), Slices.OutChannels * sizeof(float));
                    _products[channels] = resources.Kernel(OuterProductEmitter.Name(products), products, () => new OuterProductEmitter(products).Emit());
                }
        }

        protected override long SumBytes => GradientsAt + (long)Pixels * Slices.OutChannels * sizeof(float);

        // Pixels of a band.
        private int Pixels => _rows * _width;

        // Scratch memory begins with the offsets of rows; copies of inputs come after them. Rows of a band may belong to several images, each of which brings its own around.
        private long InputsAt => WholeLines(_rows * sizeof(nint));

        private long GradientsAt => InputsAt + WholeLines(((long)_rows * _stepRows + (EvenParts.Count(_rows, _height) + 1L) * _segmentRows) * _columns * Slices.Channels * sizeof(float));

        private static long WholeLines(long bytes) => EvenParts.Count(bytes, AlignedMemory.Alignment) * AlignedMemory.Alignment;

        private bool IsPoint => Window is { Taps: 1, IsPadded: false };

        // Taps of a row that read neighbouring pixels are one long pixel.
        private bool JoinsTaps(int channels) => Window.DilationWidth == 1 && channels == Slices.PanelChannels;

        private int Lines(int channels) => JoinsTaps(channels) ? Window.KernelWidth * channels : channels;

        protected override int Blocks(int batch) => EvenParts.Count(batch * _height, _rows);

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
                CopyPanels(outputs, row, last, Slices.PanelOutChannels, isPadded: true, (float*)(scratch + GradientsAt));
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
                CopyPanels(images, row, end, Slices.PanelChannels, isPadded: false, (float*)inputs);
                *offsets = 0;
                return;
            }
            var rowBytes = (nint)_columns * images.Channels * sizeof(float);
            while (row < end)
            {
                var (image, inImage) = Math.DivRem(row, _height);
                var rows = Math.Min(_height - inImage, end - row);
                var read = (rows - 1) * _stepRows + _segmentRows;
                PaddedCopy.Of(images, image).Run(inImage * _stepRows - Window.PadTop, read, -Window.PadLeft, _columns, to);
                for (var i = 0; i < rows; i++) *offsets++ = (nint)(to - inputs) + i * _stepRows * rowBytes;
                to += read * rowBytes;
                row += rows;
            }
        }

        // Copies pixels to panels of channels, each [pixels][channels of the panel], the last with zeros after its channels or with fewer.
        private void CopyPanels(in FeatureMap map, int row, int end, int panelChannels, bool isPadded, float* to)
        {
            var (panels, rest) = Math.DivRem(map.Channels, panelChannels);
            var restChannels = isPadded ? panelChannels : rest;
            var restTo = to + (nint)panels * Pixels * panelChannels;
            for (; row < end; row++)
            {
                var (image, inImage) = Math.DivRem(row, _height);
                for (var column = 0; column < _width; column++, to += panelChannels)
                {
                    float* pixel = map.At(image, inImage, column), target = to;
                    for (var panel = 0; panel < panels; panel++, pixel += panelChannels, target += (nint)Pixels * panelChannels) Copy(pixel, target, panelChannels);
                    if (rest == 0) continue;
                    Copy(pixel, restTo, rest);
                    new Span<float>(restTo + rest, restChannels - rest).Clear();
                    restTo += restChannels;
                }
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Copy(float* from, float* to, int count)
        {
            for (; count >= PanelShape.Lanes; count -= PanelShape.Lanes, from += PanelShape.Lanes, to += PanelShape.Lanes) Vector512.Load(from).Store(to);
            for (; count > 0; count--) *to++ = *from++;
        }

        private void Multiply(int channel, int channels, int k, int rows, float* sums, byte* scratch)
        {
            var args = new OuterProductArgs { B = (float*)(scratch + GradientsAt) + (nint)k * Pixels, Rows = (nint*)scratch, RowCount = rows, Columns = _width };
            // Copies of single pixels are one row.
            if (IsPoint) (args.RowCount, args.Columns) = (1, rows * _width);
            var code = (delegate* unmanaged<OuterProductArgs*, void>)_products[channels];
            for (var tapRow = 0; tapRow < Window.KernelHeight; tapRow++)
                for (var tapColumn = 0; tapColumn < Window.KernelWidth; tapColumn += JoinsTaps(channels) ? Window.KernelWidth : 1)
                {
                    args.A = (float*)(scratch + InputsAt) + (nint)channel * Pixels + ((nint)tapRow * Window.DilationHeight * _columns + tapColumn * Window.DilationWidth) * channels;
                    args.Sums = sums + (((nint)tapRow * Window.KernelWidth + tapColumn) * Slices.Channels + channel) * Slices.OutChannels + k;
                    code(&args);
                }
        }
    }
}
