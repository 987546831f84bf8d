using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Kernels.Simd;
using Pith.Ops;

namespace Pith.Tactics;

/// <summary>
/// The weight gradient of a 3x3 convolution of stride 1 by Winograd's transforms: G' [(A y A') * (B' d B)] G, the transpose of the forward pass, summed over tiles of 4x4 results. A quarter of the products of the
/// plain sum. Its bits differ from those of the plain sum within what <see cref="WinogradPoints"/> states.
/// </summary>
/// <param name="products">What the transforms are rounded to.</param>
internal sealed class WinogradWeightGradient(FloatProducts products) : EmittedWeightGradient(products)
{
    // To be compared with Fp32Cost, measured on one thread of several: products, and transforms of 16 channels of a position on both sides, for each slice of the other side's channels.
    private const double ProductsPerSecond = 5e9, TransformsPerSecond = 0.7e9;

    public override string Name { get; } = $"{products.Name}-winograd4-weight-gradient";

    protected override string? Refuses(Device device) => base.Refuses(device) ?? Products.SurpassedOn(device);

    protected override string? Refuses(OpLayer layer, Window window) =>
        GroupsOf(layer) > 1 || window is not { KernelHeight: WinogradPoints.Window, KernelWidth: WinogradPoints.Window, StrideHeight: 1, StrideWidth: 1, DilationHeight: 1, DilationWidth: 1 } ? "is for 3x3 windows of stride 1, without groups"
        : layer.Inputs[1]!.Channels % PanelShape.Lanes != 0 || layer.Inputs[0]!.Channels % PanelShape.Lanes != 0 ? $"needs multiples of {PanelShape.Lanes} channels"
        // The error of rounding is that of a whole tile.
        : Products.Step > 1 && Math.Min(layer.Inputs[0]!.Height, layer.Inputs[0]!.Width) < WinogradPoints.Four.Outputs ? "results are smaller than a tile"
        : null;

    protected override double EstimateSeconds(OpLayer layer, Device device)
    {
        var (dy, x) = (layer.Inputs[0]!, layer.Inputs[1]!);
        var slices = new WeightGradientSlices(x.Channels, dy.Channels, WinogradPoints.Window * WinogradPoints.Window, 1);
        var outputs = WinogradPoints.Four.Outputs;
        var positions = (double)EvenParts.Count(dy.Height, outputs) * EvenParts.Count(dy.Width, outputs) * WinogradPoints.Four.Positions;
        var (inVectors, outVectors) = ((double)x.Channels / PanelShape.Lanes, (double)dy.Channels / PanelShape.Lanes);
        return positions * (x.Channels * outVectors / (ProductsPerSecond * Products.Step) + (inVectors * Math.Ceiling(outVectors / slices.Vectors) + outVectors * EvenParts.Count(x.Channels, slices.Channels)) / TransformsPerSecond);
    }

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, WindowOf(layer), Products, resources);

    private sealed unsafe class Runnable : WeightGradientLayer
    {
        // Both transforms and the sums of a slice should stay in the second-level cache; sums are read and written once for so many tiles.
        private const int TilesOfBlock = 32;

        // Distances between positions are not powers of two: a tile's would share a few lines of the cache.
        private const int PositionGap = 64;

        private const int VectorBytes = PanelShape.Lanes * sizeof(float);

        private static readonly WinogradPoints s_points = WinogradPoints.Four;

        private readonly FloatProducts _operands;
        private readonly int _height, _down, _across, _rows;
        private readonly byte* _constants;
        private readonly nint* _zero;

        // By the number of vectors of channels.
        private readonly Dictionary<int, Side> _inputs = [], _gradients = [];
        private readonly Dictionary<(int Inputs, int Outputs), nint> _products = [];

        public Runnable(OpLayer layer, Window window, FloatProducts operands, BuildResources resources) : base(layer, window)
        {
            _operands = operands;
            var dy = layer.Inputs[0]!;
            _height = dy.Height;
            (_down, _across) = (EvenParts.Count(dy.Height, s_points.Outputs), EvenParts.Count(dy.Width, s_points.Outputs));
            _rows = Math.Max(1, TilesOfBlock * operands.Step / _across);
            _constants = resources.Allocate(ActivationFp32Emitter.ConstantBytes + s_points.Coefficients.Length * sizeof(float));
            s_points.Coefficients.CopyTo(new Span<float>(_constants + ActivationFp32Emitter.ConstantBytes, s_points.Coefficients.Length));
            _zero = resources.Copy<nint>([0]);
            for (var index = 0; index < Slices.Count; index++)
            {
                var slice = Slices[index];
                var (inputs, outputs) = (slice.Channels / PanelShape.Lanes, slice.OutChannels / PanelShape.Lanes);
                if (!_inputs.ContainsKey(inputs))
                    _inputs[inputs] = new Side(inputs, s_points.Size, _rows, _across, operands, resources, spec => resources.Kernel(operands.KernelName("winograd4input"), spec, () => new WinogradFp32InputEmitter(spec).Emit()));
                if (!_gradients.ContainsKey(outputs))
                    _gradients[outputs] = new Side(outputs, s_points.Outputs, _rows, _across, operands, resources, spec => resources.Kernel(operands.KernelName("winograd4gradient"), (nameof(WinogradFp32GradientEmitter), spec), () => new WinogradFp32GradientEmitter(spec).Emit()));
                var products = new OuterProductSpec(operands.Arithmetic, slice.Channels, outputs, inputs * VectorBytes, outputs * VectorBytes);
                _products[(inputs, outputs)] = resources.Kernel(OuterProductEmitter.Name(products), products, () => new OuterProductEmitter(products).Emit());
            }
        }

        protected override long SumBytes => PositionSums * s_points.Positions + _inputs.Values.Max(side => side.Bytes) + _gradients.Values.Max(side => side.Bytes);

        // Bytes of the sums of a position.
        private long PositionSums => (long)Slices.Channels * Slices.OutChannels * sizeof(float);

        protected override int Blocks(int images) => EvenParts.Count(images * _down, _rows);

        protected override void Sum(in FeatureMap x, in FeatureMap dy, WeightGradientSlice slice, int first, int end, float* sums, byte* scratch)
        {
            var vectors = (slice.Channels / PanelShape.Lanes, slice.OutChannels / PanelShape.Lanes);
            var (input, gradient) = (_inputs[vectors.Item1], _gradients[vectors.Item2]);
            byte* inputs = scratch + PositionSums * s_points.Positions, gradients = inputs + input.Bytes;
            new Span<byte>(scratch, checked((int)(PositionSums * s_points.Positions))).Clear();
            var (images, outputs) = (x.Slice(slice.First, slice.Channels), dy.Slice(slice.FirstOut, slice.OutChannels));
            var rows = x.Images * _down;
            for (var block = first; block < end; block++)
            {
                var tiles = 0;
                for (var i = 0; i < _rows && block * _rows + i < rows; i++, tiles += _across)
                {
                    var (image, row) = Math.DivRem(block * _rows + i, _down);
                    input.Copy(images, image, row * s_points.Outputs - Window.PadTop, -Window.PadLeft, i, inputs);
                    gradient.Copy(outputs, image, row * s_points.Outputs, 0, i, gradients);
                }
                input.Transform(_constants, tiles, inputs);
                gradient.Transform(_constants, tiles, gradients);
                var args = new OuterProductArgs { Rows = _zero, RowCount = 1, Columns = EvenParts.Count(tiles, _operands.Step) };
                var code = (delegate* unmanaged<OuterProductArgs*, void>)_products[vectors];
                for (var position = 0; position < s_points.Positions; position++)
                {
                    args.A = inputs + (nint)position * input.PositionBytes;
                    args.B = gradients + (nint)position * gradient.PositionBytes;
                    args.Sums = (float*)(scratch + position * PositionSums);
                    code(&args);
                }
            }
            Finish((float*)scratch, slice, sums);
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void Finish(float* transformed, WeightGradientSlice slice, float* sums)
        {
            Span<Vector512<float>> window = stackalloc Vector512<float>[WinogradPoints.Window * WinogradPoints.Window];
            var stride = (nint)(PositionSums / sizeof(float));
            for (var channel = 0; channel < slice.Channels; channel++, sums += Slices.OutChannels)
                for (var k = 0; k < slice.OutChannels; k += PanelShape.Lanes, transformed += PanelShape.Lanes)
                {
                    s_points.TransformGradient(transformed, stride, window);
                    for (var tap = 0; tap < window.Length; tap++) window[tap].Store(sums + tap * stride + k);
                }
        }

        /// <summary>One operand of the products: copies of rows of tiles with zeros around the image, then their transforms [positions][tiles][channels], or [positions][pairs of tiles][channels][2].</summary>
        private sealed class Side
        {
            private readonly int _vectors, _tileRows, _columns;

            // Of the first tiles of pairs and of the second ones; without pairs of all.
            private readonly (nint Code, nint Tiles)[] _transforms;

            /// <param name="vectors">Vectors of channels.</param>
            /// <param name="tileRows">Rows, and columns, that a tile reads.</param>
            /// <param name="rows">Rows of tiles of a block.</param>
            /// <param name="across">Tiles of a row.</param>
            /// <param name="operands">What the transforms are rounded to.</param>
            /// <param name="resources">What the layer is built with.</param>
            /// <param name="kernel">Gives the code of the transform.</param>
            public Side(int vectors, int tileRows, int rows, int across, FloatProducts operands, BuildResources resources, Func<WinogradFp32TileSpec, nint> kernel)
            {
                (_vectors, _tileRows) = (vectors, tileRows);
                _columns = (across - 1) * s_points.Outputs + tileRows;
                PositionBytes = EvenParts.Count(rows * across, operands.Step) * PixelBytes + PositionGap;
                CopyBytes = (long)rows * tileRows * RowBytes;
                WinogradOperand[] stored = operands.Step == 1 ? [WinogradOperand.Float32] : [WinogradOperand.FirstOfPair, WinogradOperand.SecondOfPair];
                _transforms = [.. stored.Select((operand, first) =>
                {
                    var tiles = new List<BlockOffsets>();
                    for (var tile = first; tile < rows * across; tile += stored.Length)
                        tiles.Add(new BlockOffsets { Input = tile / across * tileRows * RowBytes + tile % across * s_points.Outputs * PixelBytes, Output = tile / stored.Length * PixelBytes });
                    return (kernel(new WinogradFp32TileSpec(s_points, vectors, RowBytes, PixelBytes, PositionBytes, operand)), (nint)resources.Copy<BlockOffsets>([.. tiles]));
                })];
            }

            public int PositionBytes { get; }

            /// <summary>Bytes of transforms and copies, in this order.</summary>
            public long Bytes => (long)s_points.Positions * PositionBytes + CopyBytes;

            private long CopyBytes { get; }

            private int PixelBytes => _vectors * VectorBytes;

            private int RowBytes => _columns * PixelBytes;

            private byte* CopyOf(byte* memory, int row) => memory + (long)s_points.Positions * PositionBytes + (long)row * _tileRows * RowBytes;

            /// <summary>Copies what a row of tiles reads.</summary>
            public void Copy(in FeatureMap map, int image, int row, int column, int at, byte* memory) => PaddedCopy.Of(map, image).Run(row, _tileRows, column, _columns, CopyOf(memory, at));

            /// <summary>Transforms the copies.</summary>
            public void Transform(byte* constants, int tiles, byte* memory)
            {
                for (var i = 0; i < _transforms.Length; i++)
                {
                    var args = new ConvKernelArgs { Shared = constants, Input = CopyOf(memory, 0), Output = memory, Blocks = (BlockOffsets*)_transforms[i].Tiles, BlockCount = EvenParts.Count(tiles - i, _transforms.Length) };
                    if (args.BlockCount > 0) ((delegate* unmanaged<ConvKernelArgs*, void>)_transforms[i].Code)(&args);
                }
            }
        }
    }
}
