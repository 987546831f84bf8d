using Pith.Ops;

namespace Pith.Passes;

/// <summary>What a trained constant is to the op that reads it; optimisers treat kinds differently (no weight decay for biases and batch norm).</summary>
public enum ParameterKind
{
    /// <summary>The weight of a convolution or matrix product.</summary>
    Weight,
    /// <summary>A bias that is added.</summary>
    Bias,
    /// <summary>The factor of a normalization.</summary>
    NormScale,
    /// <summary>The bias of a normalization.</summary>
    NormBias,
}

/// <summary>Finds the constants of an inference graph that training changes.</summary>
internal static class TrainingParameters
{
    /// <summary>Every trainable constant that <paramref name="nodes"/> read, once, in the order of its first reader.</summary>
    public static IReadOnlyList<(Value Constant, ParameterKind Kind)> Find(IEnumerable<Node> nodes)
    {
        var found = new List<(Value, ParameterKind)>();
        var seen = new HashSet<Value>(ReferenceEqualityComparer.Instance);
        foreach (var node in nodes)
            for (var operand = 0; operand < node.Inputs.Count; operand++)
                if (KindOf(node, operand) is { } kind && Origin(node.Inputs[operand]) is { } constant && seen.Add(constant)) found.Add((constant, kind));
        return found;
    }

    private static ParameterKind? KindOf(Node node, int operand) => (node.Op, operand) switch
    {
        (Conv, 1) => ParameterKind.Weight,
        (Conv, 2) => ParameterKind.Bias,
        (Gemm, 0 or 1) => ParameterKind.Weight,
        (Gemm, 2) => ParameterKind.Bias,
        (MatMul, _) => ParameterKind.Weight,
        (BatchNormalization or LayerNormalization, 1) => ParameterKind.NormScale,
        (BatchNormalization or LayerNormalization, 2) => ParameterKind.NormBias,
        (Add, _) when node.Input(1 - operand)?.Producer?.Op is MatMul or Conv => ParameterKind.Bias,
        _ => null,
    };

    /// <summary>The float constant that <paramref name="value"/> is, or is made from by fake quantization or a change of shape.</summary>
    private static Value? Origin(Value? value)
    {
        while (value?.Producer is { Op: QuantizeLinear or DequantizeLinear or Transpose or Reshape or Flatten or Identity } producer) value = producer.Inputs[0];
        return value is { Constant.DataType: DataType.Float32 } ? value : null;
    }
}
