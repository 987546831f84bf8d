using Pith.Ops;

namespace Pith;

/// <summary>The one list of ops. What is listed can be imported, exported, printed and run by the reference interpreter; a test fails when an op is not listed.</summary>
public static class OpCatalog
{
    /// <summary>Every op, in alphabetical order within its family.</summary>
    public static IReadOnlyList<OpSchema> All { get; } =
    [
        // Element-wise
        Add.Definition,
        Relu.Definition,
        // Convolution
        Conv.Definition,
        // Pooling
        AveragePool.Definition,
        GlobalAveragePool.Definition,
        GlobalMaxPool.Definition,
        MaxPool.Definition,
        // Linear algebra
        Gemm.Definition,
        MatMul.Definition,
        // Normalization
        BatchNormalization.Definition,
        LogSoftmax.Definition,
        Softmax.Definition,
        // Quantization
        DequantizeLinear.Definition,
        QuantizeLinear.Definition,
        // Shape and data movement
        Identity.Definition,
    ];

    private static readonly Dictionary<(string Domain, string Name), OpSchema> s_byName = All.ToDictionary(schema => (schema.Domain, schema.Name));

    /// <summary>The schema of an op, or null when Pith does not have it. <c>ai.onnx</c> is the same domain as the empty one.</summary>
    public static OpSchema? Find(string domain, string name) =>
        s_byName.GetValueOrDefault((domain == "ai.onnx" ? OpSchema.OnnxDomain : domain, name));
}
