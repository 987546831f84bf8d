using Pith.Ops;

namespace Pith;

/// <summary>
/// A constant Pad in front of an operand, possibly with ops in between that act on each element alone or only move elements (QuantizeLinear, DequantizeLinear, Cast, activations, Transpose).
/// The padding then is one number at the operand too, and the operand without its padding is the same chain of ops on what Pad reads.
/// </summary>
internal sealed class PaddedInput
{
    private readonly Node _pad;

    // From the operand up to the Pad, which is not in the list.
    private readonly List<Node> _chain;

    private PaddedInput(Node pad, List<Node> chain, Tensor fill, (int Begin, int End)[] amounts) =>
        (_pad, _chain, Fill, Amounts) = (pad, chain, fill, amounts);

    /// <summary>What is added at each axis of the operand; 0 or more.</summary>
    public IReadOnlyList<(int Begin, int End)> Amounts { get; }

    /// <summary>The number that the padding holds, one element of the operand's type.</summary>
    public Tensor Fill { get; }

    /// <summary>The padding as a real number.</summary>
    public double FillValue => Reals.Of(Fill)[0];

    /// <summary>The Pad in front of <paramref name="operand"/>; null without one, and where it crops, is not constant, or ops in between are not of the kind above.</summary>
    public static PaddedInput? Of(Value operand)
    {
        var chain = new List<Node>();
        var value = operand;
        for (; value.Producer is { } node; value = node.Inputs[0]!)
        {
            if (node.Op is Pad pad) return OfPad(node, pad, chain);
            if (!KeepsPadding(node)) return null;
            chain.Add(node);
        }
        return null;
    }

    /// <summary>The operand without its padding: new nodes that do to the Pad's own operand what the chain does to its result.</summary>
    public Value Unpadded(Graph graph)
    {
        var value = _pad.Inputs[0]!;
        foreach (var node in Enumerable.Reverse(_chain)) value = graph.AddNode(node.Op, [value, .. node.Inputs.Skip(1)], $"{node.Name}/unpadded").Output;
        return value;
    }

    private static PaddedInput? OfPad(Node node, Pad pad, List<Node> chain)
    {
        if (pad.Mode != PadMode.Constant || node.Inputs[1]?.Constant is not { } amounts || node.Input(2) is { Constant: null }) return null;
        var type = node.Inputs[0]!.Type;
        var pads = pad.PadsPerAxis(amounts.ToInt64s(), type.Rank);
        if (pads.Any(axis => axis.Begin < 0 || axis.End < 0)) return null;
        var fill = node.Input(2)?.Constant?.Reshape(new Shape(1)) ?? Tensor.Vector(0f).ConvertTo(type.DataType);
        foreach (var step in Enumerable.Reverse(chain))
        {
            if (step.Op is Transpose transpose) pads = [.. transpose.PermutationOf(type.Rank).Select(axis => pads[axis])];
            else fill = step.Op.Evaluate([fill, .. step.Inputs.Skip(1).Select(input => input?.Constant)], 1)[0].Reshape(new Shape(1));
        }
        return new PaddedInput(node, chain, fill, pads);
    }

    // Whether all that the node does to an element depends on the element alone. Arithmetic that others read too is left as it is, because it would be done twice.
    private static bool KeepsPadding(Node node) => node.Op switch
    {
        Transpose => true,
        QuantizeLinear { BlockSize: 0 } or DequantizeLinear { BlockSize: 0 } => node.Inputs.Skip(1).All(parameter => parameter is null or { Constant.Length: 1 }),
        Cast => true,
        UnaryOp => node.Output.SingleConsumer is not null,
        Clip => node.Output.SingleConsumer is not null && node.Inputs.Skip(1).All(bound => bound is null or { Constant.Length: 1 }),
        _ => false,
    };
}
