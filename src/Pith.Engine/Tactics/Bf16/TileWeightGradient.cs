using Iced.Intel;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;
using Pith.Ops;

namespace Pith.Tactics;

/// <summary>
/// The weight gradient of a convolution in AMX tiles: for each tap a product of channels by pixels, rounded to bfloat16, and pixels by channels. Rows of an image are copied once for each column of taps, transposed, so that what a tap meets
/// lies together for all rows of a block.
/// </summary>
/// <param name="family">The instruction set.</param>
/// <param name="tiles">Makes the AMX instructions for an assembler.</param>
internal sealed class TileWeightGradient(Bf16TileKernels family, Func<Assembler, TileUnit> tiles) : EmittedWeightGradient(FloatProducts.Bf16)
{
    // A third of the peak: copies take most of the time.
    private const double MacsPerSecond = 600e9;

    public override string Name { get; } = $"bf16-{family.Name}-weight-gradient";

    protected override string? Refuses(Device device) => family.Refuses(device) ?? (family.IsAllowed ? null : $"the operating system refuses the use of {family.Needs.Names}");

    protected override string? Refuses(OpLayer layer, Window window) =>
        layer.Op is Gemm ? "needs rows of pixels"
        : layer.Inputs[1]!.Channels / GroupsOf(layer) % TileUnit.Rows != 0 ? $"needs multiples of {TileUnit.Rows} input channels" : null;

    protected override double EstimateSeconds(OpLayer layer, Device device) => layer.Macs / MacsPerSecond;

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, WindowOf(layer), family, tiles, resources);

    private sealed unsafe class Runnable : WeightGradientLayer
    {
        // A step of a tile.
        private const int StepPairs = 16;

        // Pixels of a block: sums are read and written once for so many.
        private const int MostPixels = 512;

        private readonly int _height, _width, _rows, _pairs, _stepRows, _stepColumns, _columns, _phaseRows;
        private readonly PixelPairs _copy;
        private readonly Dictionary<int, nint> _products = [];
        private readonly nint _enter, _leave;
        private readonly byte* _config;

        public Runnable(OpLayer layer, Window window, Bf16TileKernels family, Func<Assembler, TileUnit> tiles, BuildResources resources) : base(layer, window)
        {
            (_height, _width) = (layer.Inputs[0]!.Height, layer.Inputs[0]!.Width);
            (_stepRows, _stepColumns) = (window.StrideHeight, window.StrideWidth);
            _rows = EvenParts.Length(_height, Math.Max(1, MostPixels / _width));
            _pairs = EvenParts.Count(_width, 2);
            _columns = (_width - 1) * _stepColumns + (window.KernelWidth - 1) * window.DilationWidth + 1;
            _phaseRows = _rows + (window.KernelHeight - 1) * window.DilationHeight / _stepRows + 1;
            _copy = new PixelPairs(Math.Max(Slices.Channels, Slices.OutChannels), resources);
            foreach (var slice in Enumerable.Range(0, Slices.Count).Select(index => Slices[index]))
                foreach (var channels in (int[])[Math.Min(Slices.PanelChannels, slice.Channels), (slice.Channels - 1) % Slices.PanelChannels + 1])
                {
                    var spec = new OuterTilesSpec(channels / TileUnit.Rows, Slices.Vectors, Slices.OutChannels * sizeof(float));
                    _products[channels] = resources.Kernel(OuterTilesEmitter.Name(spec), spec, () => new OuterTilesEmitter(spec, tiles).Emit());
                }
            _enter = resources.Kernel("entertiles_amx", (nameof(TileStateEmitter), true), family.TileState(enters: true)!.Emit);
            _leave = resources.Kernel("leavetiles_amx", (nameof(TileStateEmitter), false), family.TileState(enters: false)!.Emit);
            _config = resources.Copy<byte>(OuterTilesEmitter.Config);
        }

        protected override long SumBytes => LineAt + (long)(_columns + _stepColumns) * Slices.Channels * sizeof(float);

        // Scratch memory: inputs of each column of taps and each phase of rows [channels][pairs], gradients [panels][pairs][channels], pairs of a phase before they are transposed, a row of the input.
        private long GradientsAt => (long)Window.KernelWidth * _stepRows * Slices.Channels * LineBytes;

        private long PairsAt => GradientsAt + (long)Steps * StepPairs * Slices.OutChannels * sizeof(float);

        private long LineAt => PairsAt + (long)Window.KernelWidth * _stepRows * PairsOfLine * Slices.Channels * sizeof(float);

        private int Steps => EvenParts.Count(_rows * _pairs, StepPairs);

        // The last step of the last tap begins before the end of the rows.
        private int PairsOfLine => _phaseRows * _pairs + StepPairs;

        // An odd number of lines of the cache.
        private int LineBytes => (EvenParts.Count(PairsOfLine * sizeof(float), TileUnit.RowBytes) | 1) * TileUnit.RowBytes;

        protected override int Blocks(int images) => images * EvenParts.Count(_height, _rows);

        protected override void Sum(in FeatureMap x, in FeatureMap dy, WeightGradientSlice slice, int first, int end, float* sums, byte* scratch)
        {
            new Span<float>(sums, Slices.SliceFloats).Clear();
            var (images, outputs, blocks) = (x.Slice(slice.First, slice.Channels), dy.Slice(slice.FirstOut, slice.OutChannels), EvenParts.Count(_height, _rows));
            ((delegate* unmanaged<byte*, void>)_enter)(_config);
            for (var block = first; block < end; block++)
            {
                var (image, row) = (block / blocks, block % blocks * _rows);
                var rows = Math.Min(_rows, _height - row);
                CopyInputs(images, image, row, rows, scratch);
                CopyGradients(outputs, image, row, rows, scratch + GradientsAt);
                for (var channel = 0; channel < slice.Channels; channel += Slices.PanelChannels)
                    for (var k = 0; k < slice.OutChannels; k += Slices.PanelOutChannels)
                        Multiply(channel, Math.Min(Slices.PanelChannels, slice.Channels - channel), k, rows, sums, scratch);
            }
            ((delegate* unmanaged<byte*, void>)_leave)(null);
        }

        private void CopyInputs(in FeatureMap images, int image, int row, int rows, byte* scratch)
        {
            var (channels, copy) = (images.Channels, PaddedCopy.Of(images, image));
            var line = (float*)(scratch + LineAt);
            var pairBytes = channels * sizeof(float);
            var phaseBytes = (nint)PairsOfLine * pairBytes;
            byte* pairs = scratch + PairsAt;
            // What a step reads after the rows is multiplied by 0.
            new Span<byte>(pairs, checked((int)(Window.KernelWidth * _stepRows * phaseBytes))).Clear();
            new Span<float>(line + _columns * channels, _stepColumns * channels).Clear();
            var read = (rows - 1) * _stepRows + (Window.KernelHeight - 1) * Window.DilationHeight + 1;
            for (var i = 0; i < read; i++)
            {
                copy.Run(row * _stepRows - Window.PadTop + i, 1, -Window.PadLeft, _columns, (byte*)line);
                var (inPhase, phase) = Math.DivRem(i, _stepRows);
                for (var tap = 0; tap < Window.KernelWidth; tap++)
                {
                    var first = line + tap * Window.DilationWidth * channels;
                    _copy.Run(first, first + _stepColumns * channels, _pairs, channels, 2 * _stepColumns * channels, pairs + (tap * _stepRows + phase) * phaseBytes + (nint)inPhase * _pairs * pairBytes, pairBytes);
                }
            }
            for (var part = 0; part < Window.KernelWidth * _stepRows; part++)
                TransposedCopy.Run<float>(pairs + part * phaseBytes, pairBytes, scratch + (nint)part * Slices.Channels * LineBytes, LineBytes, PairsOfLine, channels);
        }

        private void CopyGradients(in FeatureMap map, int image, int row, int rows, byte* to)
        {
            var (pairs, panel) = (EvenParts.Count(rows * _pairs, StepPairs) * StepPairs, Slices.PanelOutChannels);
            for (var channel = 0; channel < map.Channels; channel += panel, to += (nint)Steps * StepPairs * panel * sizeof(float))
            {
                var channels = Math.Min(panel, map.Channels - channel);
                var written = channels < panel ? 0 : rows * _pairs;
                new Span<float>((float*)to + written * panel, (pairs - written) * panel).Clear();
                for (var i = 0; i < rows; i++) _copy.RunPixels(map.At(image, row + i, 0) + channel, _width, map.PixelStride, channels, to + (nint)i * _pairs * panel * sizeof(float), panel * sizeof(float));
            }
        }

        private void Multiply(int channel, int channels, int k, int rows, float* sums, byte* scratch)
        {
            var args = new OuterTilesArgs { B = scratch + GradientsAt + (nint)k * Steps * StepPairs * sizeof(float), LineBytes = LineBytes, Steps = EvenParts.Count(rows * _pairs, StepPairs) };
            var code = (delegate* unmanaged<OuterTilesArgs*, void>)_products[channels];
            for (var tapRow = 0; tapRow < Window.KernelHeight; tapRow++)
            {
                var (row, phase) = Math.DivRem(tapRow * Window.DilationHeight, _stepRows);
                for (var tapColumn = 0; tapColumn < Window.KernelWidth; tapColumn++)
                {
                    args.A = scratch + ((nint)(tapColumn * _stepRows + phase) * Slices.Channels + channel) * LineBytes + (nint)row * _pairs * sizeof(float);
                    args.Sums = sums + (((nint)tapRow * Window.KernelWidth + tapColumn) * Slices.Channels + channel) * Slices.OutChannels + k;
                    code(&args);
                }
            }
        }
    }
}
