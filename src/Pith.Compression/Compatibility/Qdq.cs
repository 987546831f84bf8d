using Pith.Ops;

namespace Pith.Compression.Compatibility;

/// <summary>What rules ask about Q/DQ pairs.</summary>
internal static class Qdq
{
    /// <summary>True for ops whose results are elements of their operand, so that a pair may stand before or after them.</summary>
    public static bool Moves(Node node) => node.Op is Identity or Reshape or Flatten or Squeeze or Unsqueeze or Transpose or Slice or Split or Gather or Expand or DepthToSpace or SpaceToDepth or MaxPool or Concat or Tile;

    /// <summary>The DequantizeLinear that <paramref name="value"/> comes from, perhaps through ops that move elements; null when it is computed.</summary>
    public static Node? Dequantize(Value? value)
    {
        while (value?.Producer is { } producer)
        {
            if (producer.Op is DequantizeLinear) return producer;
            if (!Moves(producer) || producer.Op is Concat) return null;
            value = producer.Inputs[0];
        }
        return null;
    }

    /// <summary>True when a constant, and nothing that depends on an input, reaches <paramref name="value"/>.</summary>
    public static bool IsConstant(Value value) => WeightOperand.ConstantBehind(value) is not null;

    /// <summary>The elements as doubles; null when they are not constant.</summary>
    public static double[]? Elements(Value? value) => value is null || WeightOperand.Evaluate(value) is not { } tensor ? null : tensor.ConvertTo(DataType.Float64).As<double>().Data;

    public static bool IsPairPart(Node node) => node.Op is QuantizeLinear or DequantizeLinear;

    /// <summary>The type of the integers of a Q or DQ.</summary>
    public static DataType TypeOf(Node node) => node.Op is QuantizeLinear ? node.Output.Type.DataType : node.Inputs[0]!.Type.DataType;

    public static bool IsLayer(Node? node) => node?.Op is Conv or ConvTranspose or Gemm or MatMul;

    /// <summary>True for a layer whose first operand is dequantized.</summary>
    public static bool IsInt8Layer(Node? node) => IsLayer(node) && Dequantize(node!.Inputs[0]) is not null;
}
