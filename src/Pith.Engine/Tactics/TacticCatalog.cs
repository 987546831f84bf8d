using Iced.Intel;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The list of the CPU's tactics, in the order that <see cref="Device.Tactics"/> states.</summary>
internal static class TacticCatalog
{
    public static IReadOnlyList<Tactic> Cpu { get; } = Of(TileUnit.Native);

    /// <summary>The list.</summary>
    /// <param name="tiles">Makes the AMX instructions for an assembler: the CPU's own, unless a test has others.</param>
    public static IReadOnlyList<Tactic> Of(Func<Assembler, TileUnit> tiles) =>
    [
        .. Int8EmittedConv.All(new DepthwiseKernels()),
        .. Int8EmittedConv.All(new AmxKernels(tiles)),
        .. Int8EmittedConv.All(new SharedAmxKernels(64, tiles)),
        .. Int8EmittedConv.All(new SharedAmxKernels(32, tiles)),
        .. Int8EmittedConv.All(new SharedAmxKernels(16, tiles)),
        .. Int8EmittedConv.All(new SharedVnniKernels(32)),
        .. Int8EmittedConv.All(new SharedVnniKernels(16)),
        .. Int8EmittedConv.All(new SharedVnniKernels(8)),
        .. Int8EmittedConv.All(new CompressedVnniKernels()),
        .. Int8EmittedConv.All(new VnniKernels()),
        .. Int8EmittedConv.All(new DepthwiseVexKernels()),
        .. Int8EmittedConv.All(new SharedVexKernels(16, hasVnni: true)),
        .. Int8EmittedConv.All(new SharedVexKernels(8, hasVnni: true)),
        .. Int8EmittedConv.All(new SharedVexKernels(16, hasVnni: false)),
        .. Int8EmittedConv.All(new AvxVnniKernels()),
        .. Int8EmittedConv.All(new Winograd4Kernels()),
        .. Int8EmittedConv.All(new Winograd2Kernels()),
        .. Int8EmittedConv.All(new Avx2Kernels()),
        new Int8Depthwise(),
        new Int8Conv(),
        .. Bf16EmittedConv.All(new Bf16TileKernels(tiles), 600e9),
        .. Bf16EmittedConv.All(new Bf16VectorKernels(), 200e9),
        .. Bf16ComputedConv.All(new Bf16TileKernels(tiles), 900e9),
        .. Bf16ComputedConv.All(new Bf16VectorKernels(), 100e9),
        new FloatWinograd(WinogradPoints.Four, FloatProducts.Bf16),
        new FloatWinograd(WinogradPoints.Four, FloatProducts.Fp32),
        new FloatWinograd(WinogradPoints.Two, FloatProducts.Fp32),
        new Fp32CompressedGemm(),
        new Fp32EmittedConv(),
        new Fp32EmittedDepthwise(),
        new Fp32Conv(),
        new Fp32Gemm(),
        new ReferenceContraction(),

        new Fp32GlobalAveragePool(),
        new Fp32Pool(),
        new Int8Pool(),
        new ReferencePool(),

        new Int8EmittedBinary(),
        new Int8Binary(),
        new ReferenceBinary(),

        new Int8Table(),
        new ReferenceTable(),

        new Int8PixelTable(),
        new Fp32PixelTable(),
        new ReferencePixelTable(),

        new Int8Concat(),
        new ReferenceConcat(),

        new Fp32Attention(),
        new ReferenceAttention(),

        new ChannelMaps(),
        new ReferenceChannelMap(),

        new Int8Quantize(),
        new ReferenceQuantize(),

        new Int8Dequantize(),
        new ReferenceDequantize(),

        new Planes32(),
        new Reorder32(),
        new Reorder8(),
        new ReferenceReorder(),

        new Copy(),

        new Fp32BatchNorm(),
        new Fp32BatchNormGradient(),
        new Fp32ConvInputGradient(),
        new ReferenceTraining(),

        new Fp32Normalization(),
        new ReferenceNormalization(),

        new Fp32FakeQuantize(),
        new ReferenceFakeQuantize(),

        new TileWeightGradient(new Bf16TileKernels(tiles), tiles),
        new WinogradWeightGradient(FloatProducts.Bf16),
        new DirectWeightGradient(FloatProducts.Bf16),
        new WinogradWeightGradient(FloatProducts.Fp32),
        new DirectWeightGradient(FloatProducts.Fp32),
        new Fp32ConvWeightGradient(),
        new Fp32TransposedGemm(),
        new Fp32BatchedGemm(),
        new Fp32Elementwise(),
        new HalfCast(),
        new Fp32ChannelSum(),
        new Fp32AxisSum(),
        new Fp32GlobalAverageGradient(),
        new Fp32PoolGradient(),
        new Fp32FakeQuantizeGradient(),
        new Fp32LearnedScaleGradient(),
        new Fp32Softmax(),
        new Fp32LayerNorm(),
        new Fp32LayerNormGradient(),
        new BlockConcat(),
        new Int8RepeatChannels(),
        new InterleavePlanes(),
        new StridedCopies(),
        new IndexedCopies(),
        new RowGather(),
        new Fp32Resize(),
        new ClassLosses(),
        new ReferenceOp(),
    ];
}
