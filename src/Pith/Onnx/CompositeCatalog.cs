using Pith.Ops;

namespace Pith.Onnx;

/// <summary>The one list of ops that are read as graphs of others: ONNX Runtime's own, as its quantizer and its optimiser write them, and the products of integers that ONNX has beside Q/DQ.</summary>
internal static class CompositeCatalog
{
    private const string Runtime = CompositeOp.RuntimeDomain;

    /// <summary>Every composite op.</summary>
    public static IReadOnlyList<CompositeOp> All { get; } =
    [
        // Quantized operands in, quantized results out
        new(OpSchema.OnnxDomain, "QLinearConv", 8, 9, QuantizedComposites.Conv) { Applies = QuantizedComposites.IsFixedConv },
        new(OpSchema.OnnxDomain, "QLinearMatMul", 8, 8, QuantizedComposites.MatMul) { Applies = QuantizedComposites.IsFixedMatMul },
        new(Runtime, "QGemm", 6, 9, QuantizedComposites.Gemm),
        new(Runtime, "QLinearAdd", 7, 8, context => QuantizedComposites.Binary(context, new Add())),
        new(Runtime, "QLinearAveragePool", 4, 5, QuantizedComposites.AveragePool),
        new(Runtime, "QLinearConcat", 5, int.MaxValue, QuantizedComposites.Concat),
        new(Runtime, "QLinearConv", 8, 9, QuantizedComposites.Conv),
        new(Runtime, "QLinearGlobalAveragePool", 5, 5, QuantizedComposites.GlobalAveragePool),
        new(Runtime, "QLinearLeakyRelu", 4, 5, context => QuantizedComposites.Unary(context, new LeakyRelu(context.Reader.Float("alpha", 0.01f)))),
        new(Runtime, "QLinearMul", 7, 8, context => QuantizedComposites.Binary(context, new Mul())),
        new(Runtime, "QLinearReduceMean", 4, 5, QuantizedComposites.ReduceMean),
        new(Runtime, "QLinearSigmoid", 4, 5, context => QuantizedComposites.Unary(context, new Sigmoid())),
        new(Runtime, "QLinearSoftmax", 5, 5, QuantizedComposites.Softmax),
        new(Runtime, "QLinearWhere", 9, 9, QuantizedComposites.Where),
        // Quantized operands in, real results out
        new(Runtime, "DynamicQuantizeMatMul", 3, 5, QuantizedComposites.DynamicQuantizeMatMul),
        new(Runtime, "MatMulIntegerToFloat", 4, 7, QuantizedComposites.MatMulIntegerToFloat),
        // The square of each element where there are no axes to sum over
        new(OpSchema.OnnxDomain, "ReduceSumSquare", 1, 2, context => [context.Main(new Mul(), context.Input(0), context.Input(0))]) { Applies = ReduceOp.ReducesNothing },
        // Real numbers: what the optimiser fuses
        new(Runtime, "BiasGelu", 2, 2, context => [context.Main(new Gelu(), context.Add("bias", new Add(), context.Input(0), context.Input(1)))]),
        new(Runtime, "FastGelu", 1, 2, FusedComposites.FastGelu),
        new(Runtime, "FusedConv", 2, 4, FusedComposites.Conv),
        new(Runtime, "FusedGemm", 2, 3, FusedComposites.Gemm),
        new(Runtime, "FusedMatMul", 2, 2, FusedComposites.MatMul),
        new(Runtime, "NhwcMaxPool", 1, 1, FusedComposites.ChannelsLastMaxPool),
        new(Runtime, "QuickGelu", 1, 1, FusedComposites.QuickGelu),
        new(Runtime, "SkipLayerNormalization", 3, 5, FusedComposites.SkipLayerNormalization),
        new(Runtime, "SkipSimplifiedLayerNormalization", 3, 4, FusedComposites.SkipSimplifiedLayerNormalization),
        new(Runtime, "TransposeMatMul", 2, 2, FusedComposites.MatMul),
        // Made of ops that there are kernels for
        new(OpSchema.OnnxDomain, "GroupNormalization", 3, 3, FusedComposites.GroupNormalization),
        // ONNX Runtime writes this one under ONNX's domain
        new(OpSchema.OnnxDomain, "SimplifiedLayerNormalization", 2, 2, FusedComposites.SimplifiedLayerNormalization),
    ];

    private static readonly Dictionary<(string Domain, string Name), CompositeOp> s_byName = All.ToDictionary(op => (op.Domain, op.Name));

    /// <summary>The composite op of this name, or null.</summary>
    public static CompositeOp? Find(string domain, string name) => s_byName.GetValueOrDefault((domain, name));

    // ONNX's ops that ONNX Runtime has in its own domain as well: with types that ONNX added later, or before ONNX had them.
    private static readonly HashSet<string> s_alsoOfRuntime = new(StringComparer.Ordinal) { "DequantizeLinear", "Gelu", "Pad", "QuantizeLinear" };

    /// <summary>True for an op of ONNX Runtime's domain that is ONNX's op of this name in its newest form.</summary>
    public static bool IsOnnxOp(string domain, string name) => domain == Runtime && s_alsoOfRuntime.Contains(name);
}
