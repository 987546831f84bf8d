using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>The ordered tactics of each kind of layer. Earlier is preferred when estimates tie; every list ends in the reference, which accepts everything.</summary>
internal static class TacticCatalog
{
    private static readonly Tactic[] s_contraction =
    [
        .. Int8EmittedConv.All(new DepthwiseKernels(), [DepthwiseEmitter.PanelVectors]),
        .. Int8EmittedConv.All(new AmxKernels(), [2, 1, 4]),
        .. from shared in (int[])[64, 32, 16] from tactic in Int8EmittedConv.All(new SharedAmxKernels(shared), [shared / PanelShape.Lanes]) select tactic,
        .. Int8EmittedConv.All(new SharedVnniKernels(32), [SharedSums.PanelVectors(32)]),
        .. Int8EmittedConv.All(new SharedVnniKernels(16), [SharedSums.PanelVectors(16)]),
        .. Int8EmittedConv.All(new SharedVnniKernels(8), [SharedSums.PanelVectors(8)]),
        .. Int8EmittedConv.All(new CompressedVnniKernels(), [2, 4, 3, 1]),
        .. Int8EmittedConv.All(new VnniKernels(), [2, 4, 3, 1]),
        .. Int8EmittedConv.All(new DepthwiseVexKernels(), [1]),
        .. Int8EmittedConv.All(new SharedVexKernels(16, hasVnni: true), [1]),
        .. Int8EmittedConv.All(new SharedVexKernels(8, hasVnni: true), [1]),
        .. Int8EmittedConv.All(new SharedVexKernels(16, hasVnni: false), [1]),
        .. Int8EmittedConv.All(new AvxVnniKernels(), [1]),
        .. Int8EmittedConv.All(new Winograd4Kernels(), [1]),
        .. Int8EmittedConv.All(new Winograd2Kernels(), [1]),
        .. Int8EmittedConv.All(new Avx2Kernels(), [1]),
        new Int8Depthwise(),
        new Int8Conv(),
        .. Bf16EmittedConv.All(new Bf16TileKernels(), 600e9, [2, 1, 4]),
        .. Bf16EmittedConv.All(new Bf16VectorKernels(), 200e9, [2, 4, 3, 1]),
        new Fp32Winograd(WinogradPoints.Four),
        new Fp32Winograd(WinogradPoints.Two),
        new Fp32EmittedConv(),
        new Fp32EmittedDepthwise(),
        new Fp32Conv(),
        new Fp32Gemm(),
        new ReferenceContraction(),
    ];

    private static readonly Tactic[] s_pool =
    [
        new Fp32GlobalAveragePool(),
        new Fp32Pool(),
        new Int8Pool(),
        new ReferencePool(),
    ];

    private static readonly Tactic[] s_binary =
    [
        new Int8EmittedBinary(),
        new Int8Binary(),
        new ReferenceBinary(),
    ];

    private static readonly Tactic[] s_table =
    [
        new Int8Table(),
        new ReferenceTable(),
    ];

    private static readonly Tactic[] s_pixelTable =
    [
        new Int8PixelTable(),
        new Fp32PixelTable(),
        new ReferencePixelTable(),
    ];

    private static readonly Tactic[] s_concat =
    [
        new Int8Concat(),
        new ReferenceConcat(),
    ];

    private static readonly Tactic[] s_attention =
    [
        new Fp32Attention(),
        new ReferenceAttention(),
    ];

    private static readonly Tactic[] s_channelMap =
    [
        new ChannelMaps(),
        new ReferenceChannelMap(),
    ];

    private static readonly Tactic[] s_quantize =
    [
        new Int8Quantize(),
        new ReferenceQuantize(),
    ];

    private static readonly Tactic[] s_dequantize =
    [
        new Int8Dequantize(),
        new ReferenceDequantize(),
    ];

    private static readonly Tactic[] s_reorder =
    [
        new Planes32(),
        new Reorder32(),
        new Reorder8(),
        new ReferenceReorder(),
    ];

    private static readonly Tactic[] s_copy =
    [
        new Copy(),
    ];

    private static readonly Tactic[] s_training =
    [
        new Fp32BatchNorm(),
        new Fp32BatchNormGradient(),
        new Fp32ConvInputGradient(),
        new ReferenceTraining(),
    ];

    private static readonly Tactic[] s_normalization =
    [
        new Fp32Normalization(),
        new ReferenceNormalization(),
    ];

    private static readonly Tactic[] s_fakeQuantize =
    [
        new Fp32FakeQuantize(),
        new ReferenceFakeQuantize(),
    ];

    private static readonly Tactic[] s_op =
    [
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
        new Fp32Softmax(),
        new Fp32LayerNorm(),
        new BlockConcat(),
        new Int8RepeatChannels(),
        new InterleavePlanes(),
        new StridedCopies(),
        new IndexedCopies(),
        new Fp32Resize(),
        new ClassLosses(),
        new ReferenceOp(),
    ];

    public static IReadOnlyList<Tactic> For(Layer layer) => layer switch
    {
        ContractionLayer => s_contraction,
        PoolLayer => s_pool,
        BinaryLayer => s_binary,
        TableLayer => s_table,
        PixelTableLayer => s_pixelTable,
        ConcatLayer => s_concat,
        ChannelMapLayer => s_channelMap,
        AttentionLayer => s_attention,
        QuantizeLayer => s_quantize,
        DequantizeLayer => s_dequantize,
        ReorderLayer => s_reorder,
        CopyLayer => s_copy,
        TrainingLayer => s_training,
        NormalizationLayer => s_normalization,
        FakeQuantizeLayer => s_fakeQuantize,
        OpLayer => s_op,
        _ => throw new InvalidOperationException($"No tactics are listed for {layer.GetType().Name}."),
    };
}
