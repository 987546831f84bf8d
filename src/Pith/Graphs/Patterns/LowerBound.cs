using Pith.Ops;

namespace Pith;

/// <summary>A number that no element of a value is below, as far as the ops that compute it tell.</summary>
internal static class LowerBound
{
    // Far enough for any chain of joins and pools between an activation and its reader.
    private const int MaxDepth = 16;

    /// <summary>The bound; negative infinity when nothing is known.</summary>
    public static double Of(Value value) => Of(value, MaxDepth);

    private static double Of(Value value, int depth)
    {
        if (value.Constant is { } known) return Smallest(known);
        if (depth == 0) return double.NegativeInfinity;
        if (value.Producer is not { } node) return OfType(value.Type.DataType);
        return node.Op switch
        {
            Relu or Sigmoid or HardSigmoid or Softmax or Abs or Exp or ThresholdedRelu { Alpha: >= 0 } => 0,
            Clip when node.Input(1)?.Constant is { Length: 1 } low => Math.Max(Reals.Of(low)[0], Of(node.Inputs[0]!, depth - 1)),
            Identity or Dropout or Transpose or Reshape or Flatten or Squeeze or Unsqueeze or Slice or Split or Gather or MaxPool or GlobalMaxPool when node.Outputs.Count == 1 || node.Op is Split => Of(node.Inputs[0]!, depth - 1),
            Concat => node.Inputs.Min(input => Of(input!, depth - 1)),
            Max => node.Inputs.Max(input => Of(input!, depth - 1)),
            Pad { Mode: PadMode.Constant } => Math.Min(Of(node.Inputs[0]!, depth - 1), node.Input(2) is { } fill ? fill.Constant is { Length: 1 } constant ? Reals.Of(constant)[0] : double.NegativeInfinity : 0),
            // Means and sums of elements that are 0 or more are so, too.
            AveragePool or GlobalAveragePool when Of(node.Inputs[0]!, depth - 1) >= 0 => 0,
            Add or Mul when node.Inputs.All(input => Of(input!, depth - 1) >= 0) => 0,
            DequantizeLinear { BlockSize: 0 } => Dequantized(node, depth),
            QuantizeLinear { BlockSize: 0 } => Quantized(node, depth),
            _ => OfType(value.Type.DataType),
        };
    }

    private static double OfType(DataType type) => type switch
    {
        DataType.UInt8 or DataType.UInt16 => 0,
        DataType.Int8 => sbyte.MinValue,
        DataType.Int16 => short.MinValue,
        _ => double.NegativeInfinity,
    };

    // Both are increasing functions when the scale is positive: the bound goes through them like an element.
    private static double Dequantized(Node node, int depth) => Through(node, Of(node.Inputs[0]!, depth - 1), node.Inputs[0]!.Type.DataType);

    private static double Quantized(Node node, int depth) => Math.Max(OfType(node.Output.Type.DataType), Through(node, Of(node.Inputs[0]!, depth - 1), node.Inputs[0]!.Type.DataType));

    private static double Through(Node node, double bound, DataType type)
    {
        if (!double.IsFinite(bound) || node.Inputs[1]!.Constant is not { Length: 1 } scale || !(Reals.Of(scale)[0] > 0) || node.Input(2) is { Constant: not { Length: 1 } }) return double.NegativeInfinity;
        return Reals.Of(node.Op.Evaluate([Tensor.Vector(bound).ConvertTo(type), .. node.Inputs.Skip(1).Select(input => input?.Constant)], 1)[0])[0];
    }

    private static double Smallest(Tensor constant) => constant.DataType.IsFloat() && constant.Length > 0 ? Reals.Of(constant).Min() : double.NegativeInfinity;
}
