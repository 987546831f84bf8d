using Pith.Compression.Quantization;
using Pith.Ops;

namespace Pith.Compression.Sparsity;

/// <summary>
/// What each op says about a positive factor for each channel: when the axes of a tie are multiplied by the factors, or divided by them where <see cref="TiedAxis.Power"/> is -1, the node computes the same times the factors of its result's axes.
/// An op or an axis that is not here passes no factor on. Stricter than <see cref="ChannelTies"/>: a Sigmoid does not mind the order of channels, but their magnitude.
/// A node with a constant of its own for each channel (a weight, gamma) takes factors of its operand out, and gives its result new ones: these are two ties.
/// </summary>
internal static class FactorTies
{
    private const int Result = ChannelTies.Result;

    /// <summary>The ties of a node.</summary>
    public static IReadOnlyList<ChannelTie> Of(Node node) => node.Op switch
    {
        // Element moves, and functions with f(ax) = a f(x) for a > 0.
        Identity or Dropout or Expand or Transpose or Concat or Split or Slice or Gather or Relu or LeakyRelu or Abs or Neg or GlobalAveragePool or GlobalMaxPool or AveragePool or MaxPool or Resize or ShapeOf or Size => ChannelTies.Of(node),
        Pad pad when pad.Mode != PadMode.Constant || IsZero(node.Input(2)) => ChannelTies.Of(node),
        // A Clip at 0 does not mind; other bounds limit the factors, see ChannelEqualization.
        Clip when ClipRange.Of(node) is { HoldsZero: true } => PassedOn(node, 0),
        PRelu => PassedOn(node, 0),
        ReduceMean or ReduceSum or ReduceMax or ReduceMin or ReduceL1 or ReduceL2 => [.. ChannelTies.Of(node).Where(tie => tie.Axes.Length > 1)],
        // Operands that are combined have the same factors; one that is repeated along the axis cannot have them.
        Add or Sub or Sum or Mean or Max or Min => [.. ChannelTies.Of(node).Where(tie => tie.Axes.Length == node.Inputs.Count + 1)],
        Mul => Product(node),
        Div => Quotient(node),
        Conv { Groups: > 1 } => Grouped(node),
        Conv or ConvTranspose { Groups: 1 } or MatMul or Gemm => Layer(node),
        BatchNormalization { TrainingMode: false } when AreConstant(node, 1, 2, 3) => [Tie(node, new(0, 1), new(3, 0), new(1, 0, Power: -1)), Tie(node, new(Result, 1), new(1, 0), new(2, 0))],
        InstanceNormalization when AreConstant(node, 1, 2) => [Tie(node, new(Result, 1), new(1, 0), new(2, 0))],
        LayerNormalization norm when node.Outputs.Count == 1 => Normalized(node, norm.Axis),
        _ => [],
    };

    /// <summary>Sums of products: a constant weight takes the factors of the operand out; those of the result are those of one operand, and of the bias.</summary>
    private static ChannelTie[] Layer(Node node)
    {
        var ties = new List<ChannelTie>();
        foreach (var tie in ChannelTies.Of(node))
        {
            var isResult = tie.Axes.Any(axis => axis.Slot == Result);
            var operands = tie.Axes.Count(axis => axis.Slot is 0 or 1);
            if (!isResult && Weight() is { } weight) ties.Add(tie with { Axes = [.. tie.Axes.Select(axis => axis.Slot == weight ? axis with { Power = -1 } : axis)] });
            // A bias that is repeated along the axis cannot have its factors; along a batch of matrices both operands vary.
            else if (isResult && operands == 1 && (node.Input(2) is null || tie.Axes.Any(axis => axis.Slot == 2))) ties.Add(tie);
        }
        return [.. ties];

        int? Weight() => IsConstant(node, 1) ? 1 : IsConstant(node, 0) ? 0 : null;
    }

    /// <summary>A depthwise convolution has filters of its own for each channel; in other grouped convolutions the operand's channels have no axis of their own in the weight.</summary>
    private static ChannelTie[] Grouped(Node node)
    {
        if (!AreConstant(node, 1)) return [];
        var result = Tie(node, new(Result, 1), new(1, 0), new(2, 0));
        var (groups, weight) = (((Conv)node.Op).Groups, node.Inputs[1]!.Type);
        return weight[1] == 1 ? [new ChannelTie(groups, new TiedAxis(0, 1), new TiedAxis(1, 0, Repeat: weight[0].Size / groups, Power: -1)), result] : [result];
    }

    private static ChannelTie[] Product(Node node) => [.. Axes(node).SelectMany<int, ChannelTie>(axis => (Own(node, 0, axis), Own(node, 1, axis)) switch
    {
        (int x, null) => [Tie(node, new(0, x), new(Result, axis))],
        (null, int y) => [Tie(node, new(1, y), new(Result, axis))],
        (int x, int y) when IsConstant(node, 1) => Separated(node, (0, x), (1, y), axis, power: 1),
        (int x, int y) when IsConstant(node, 0) => Separated(node, (1, y), (0, x), axis, power: 1),
        // What a gate multiplies passes factors on; the gate does not.
        (int x, int) when IsGate(node, 1) && !IsGate(node, 0) => [Tie(node, new(0, x), new(Result, axis))],
        (int, int y) when IsGate(node, 0) && !IsGate(node, 1) => [Tie(node, new(1, y), new(Result, axis))],
        _ => [],
    })];

    private static ChannelTie[] Quotient(Node node) => [.. Axes(node).SelectMany<int, ChannelTie>(axis => (Own(node, 0, axis), Own(node, 1, axis)) switch
    {
        (int x, null) => [Tie(node, new(0, x), new(Result, axis))],
        (int x, int y) when IsConstant(node, 1) => Separated(node, (0, x), (1, y), axis, power: -1),
        _ => [],
    })];

    /// <summary>A constant for each channel, which multiplies data (<paramref name="power"/> 1) or divides it (-1).</summary>
    private static ChannelTie[] Separated(Node node, (int Slot, int Axis) data, (int Slot, int Axis) constant, int axis, int power) =>
    [
        Tie(node, new(data.Slot, data.Axis), new(constant.Slot, constant.Axis, Power: -power)),
        Tie(node, new(Result, axis), new(constant.Slot, constant.Axis, Power: power)),
    ];

    /// <summary>Layer normalization gives its result new magnitudes by its scale and bias, along the axes over which it normalizes; it takes no factors.</summary>
    private static ChannelTie[] Normalized(Node node, int first)
    {
        var rank = node.Output.Type.Rank;
        return [.. Axes(node).Where(axis => axis >= (first < 0 ? first + rank : first)).SelectMany<int, ChannelTie>(axis =>
            Own(node, 1, axis) is { } scale && (node.Input(2) is null || Own(node, 2, axis) is not null) ? [Tie(node, [new(Result, axis), new(1, scale), .. Own(node, 2, axis) is { } bias ? [new TiedAxis(2, bias)] : Array.Empty<TiedAxis>()])] : [])];
    }

    private static ChannelTie[] PassedOn(Node node, int operand) => [.. Axes(node).Select(axis => Tie(node, new(operand, axis), new(Result, axis)))];

    private static IEnumerable<int> Axes(Node node) => Enumerable.Range(0, node.Output.Type.Rank);

    /// <summary>The axis of an operand that is aligned with an axis of the result and has its size; null when the operand is repeated along it.</summary>
    private static int? Own(Node node, int operand, int axis) =>
        node.Input(operand)?.Type is { } type && axis - node.Output.Type.Rank + type.Rank is >= 0 and var own && type[own] == node.Output.Type[axis] && type[own] != 1 ? own : null;

    private static ChannelTie Tie(Node node, params TiedAxis[] axes)
    {
        var size = ChannelTies.At(node, axes[0].Slot)!.Type[axes[0].Axis];
        return new ChannelTie(size.IsFixed ? size.Size : 0, [.. axes.Where(axis => ChannelTies.At(node, axis.Slot) is not null)]);
    }

    private static bool IsGate(Node node, int operand) => node.Inputs[operand]!.Producer?.Op is Sigmoid or HardSigmoid or Softmax;

    private static bool IsConstant(Node node, int operand) => node.Inputs[operand]!.Constant is not null;

    private static bool AreConstant(Node node, params int[] operands) => operands.All(operand => IsConstant(node, operand));

    private static bool IsZero(Value? value) => value is null || value.Constant is { } constant && constant.ConvertTo(DataType.Float64).As<double>().Data.All(element => element == 0);
}
