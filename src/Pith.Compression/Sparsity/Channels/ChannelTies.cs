using Pith.Ops;

namespace Pith.Compression.Sparsity;

/// <summary>An axis of an operand or result of a node.</summary>
/// <param name="Slot">The operand's index; of a result the complement of its index, ~0 for the first.</param>
/// <param name="Axis">The axis.</param>
/// <param name="Offset">The index from which on the axis takes part in a tie.</param>
/// <param name="Repeat">Consecutive indices of this axis for one of the tie: 2 for the results of a depthwise convolution that makes two channels of each.</param>
/// <param name="Power">In ties of factors: 1 when the axis is multiplied by the tie's factors, -1 when it is divided by them.</param>
internal readonly record struct TiedAxis(int Slot, int Axis, int Offset = 0, int Repeat = 1, int Power = 1);

/// <summary>
/// Axes of a node that have the same channels: when all of them are put in another order together (<see cref="ChannelTies"/>), or multiplied by the same factors (<see cref="FactorTies"/>), the node computes what it did before, in that order or
/// times these factors.
/// </summary>
/// <param name="Size">How many channels.</param>
/// <param name="Axes">The axes. A single one stands for an axis whose order does not matter: that of a sum over it.</param>
internal sealed record ChannelTie(int Size, params TiedAxis[] Axes);

/// <summary>What each op says about the order of its channels. An op or an axis that is not here keeps its order.</summary>
internal static class ChannelTies
{
    /// <summary>The slot of a node's first result.</summary>
    public const int Result = ~0;

    /// <summary>The ties of a node.</summary>
    public static IReadOnlyList<ChannelTie> Of(Node node) => node.Op switch
    {
        Conv conv => Convolution(node, conv.Groups),
        ConvTranspose { Groups: 1 } => [Tie(node, (0, 1), (1, 0)), Tie(node, (Result, 1), (1, 1), (2, 0))],
        Gemm gemm => Product(node, gemm),
        MatMul => Product(node),
        BatchNormalization => OneResult(node, () => [Tie(node, (0, 1), (Result, 1), (1, 0), (2, 0), (3, 0), (4, 0))]),
        InstanceNormalization => [Tie(node, (0, 1), (Result, 1), (1, 0), (2, 0))],
        GlobalAveragePool or GlobalMaxPool or AveragePool or MaxPool or Resize { Coordinates: not ResizeCoordinates.TfCropAndResize } => OneResult(node, () => SameSize(node, axis: 1)),
        LayerNormalization or UnaryOp or Identity or Dropout or Cast or Clip or Not or BinaryOp or ComparisonOp or LogicalOp or Pow or PRelu or Where or Mean or SoftmaxOp => OneResult(node, () => Elementwise(node)),
        CastLike or Expand => Elementwise(node, operands: 1),
        QuantizeLinear quantize => Quantization(node, quantize.Axis, quantize.BlockSize),
        DequantizeLinear dequantize => Quantization(node, dequantize.Axis, dequantize.BlockSize),
        ReduceOp reduce => Reduction(node, reduce),
        ShapeOf or Size => [.. Axes(node.Inputs[0]!).Select(axis => Tie(node, (0, axis)))],
        Transpose transpose => [.. transpose.PermutationOf(node.Output.Type.Rank).Select((from, to) => Tie(node, (Result, to), (0, from)))],
        Concat concat => Parts(node, concat.Axis, whole: [Result], parts: [.. Enumerable.Range(0, node.Inputs.Count)]),
        Split split => Parts(node, split.Axis, whole: [0], parts: [.. Enumerable.Range(0, node.Outputs.Count).Select(output => ~output)]),
        Slice => Sliced(node),
        Pad pad => node.Inputs[1]!.Constant is { } amounts ? [.. Axes(node.Output).Where(axis => !pad.Changes(amounts, node.Output.Type.Rank, axis)).SelectMany(axis => SameSize(node, axis))] : [],
        Gather gather => Gathered(node, gather.Axis),
        _ => [],
    };

    /// <summary>Whether a node only gives its operand 0 another shape.</summary>
    public static bool IsReshape(Node node) => node.Op is Reshape or Flatten or Squeeze or Unsqueeze;

    /// <summary>The value at a slot; null for an operand that is absent.</summary>
    public static Value? At(Node node, int slot) => slot < 0 ? node.Outputs.ElementAtOrDefault(~slot) : node.Input(slot);

    private static ChannelTie[] Convolution(Node node, int groups)
    {
        if (groups == 1) return [Tie(node, (0, 1), (1, 1)), Tie(node, (Result, 1), (1, 0), (2, 0))];
        // Depthwise: each channel has filters of its own. In other grouped convolutions channels cannot leave their group.
        var weight = node.Inputs[1]!.Type;
        if (weight[1] != 1 || !weight[0].IsFixed) return [];
        var repeat = weight[0].Size / groups;
        return [new ChannelTie(groups, [.. Present(node, new(0, 1), new(Result, 1, 0, repeat), new(1, 0, 0, repeat), new(2, 0, 0, repeat))])];
    }

    private static ChannelTie[] Product(Node node, Gemm gemm)
    {
        var bias = node.Input(2)?.Type;
        return
        [
            Tie(node, (0, gemm.TransA ? 0 : 1), (1, gemm.TransB ? 1 : 0)),
            Tie(node, [(Result, 1), (1, gemm.TransB ? 0 : 1), .. BiasAxis(1)]),
            Tie(node, [(Result, 0), (0, gemm.TransA ? 1 : 0), .. BiasAxis(0)]),
        ];

        IEnumerable<(int, int)> BiasAxis(int axis) => bias is not null && axis - 2 + bias.Rank >= 0 && bias[axis - 2 + bias.Rank] != 1 ? [(2, axis - 2 + bias.Rank)] : [];
    }

    private static ChannelTie[] Product(Node node)
    {
        var (a, b, rank) = (node.Inputs[0]!.Type.Rank, node.Inputs[1]!.Type.Rank, node.Output.Type.Rank);
        if (a < 2 || b < 2) return [];
        return [Tie(node, (0, a - 1), (1, b - 2)), Tie(node, (Result, rank - 1), (1, b - 1)), Tie(node, (Result, rank - 2), (0, a - 2)), .. Elementwise(node).Where(tie => tie.Axes[0].Axis < rank - 2)];
    }

    private static IEnumerable<ChannelTie> SameSize(Node node, int axis) =>
        node.Inputs[0]!.Type is var x && axis < x.Rank && x.Rank == node.Output.Type.Rank && x[axis] == node.Output.Type[axis] ? [Tie(node, (0, axis), (Result, axis))] : [];

    // Operands are aligned at the last axis, and an axis of size 1 is repeated.
    private static ChannelTie[] Elementwise(Node node, int operands = int.MaxValue)
    {
        var rank = node.Output.Type.Rank;
        return [.. Axes(node.Output).Select(axis => Tie(node, [(Result, axis), .. Enumerable.Range(0, Math.Min(operands, node.Inputs.Count)).Where(i => Own(i, axis) >= 0 && node.Inputs[i]!.Type[Own(i, axis)] == node.Output.Type[axis]).Select(i => (i, Own(i, axis)))]))];

        int Own(int operand, int axis) => node.Input(operand) is { } input ? axis - rank + input.Type.Rank : -1;
    }

    private static ChannelTie[] Quantization(Node node, int scaleAxis, int blockSize)
    {
        if (blockSize > 0) return [];
        var x = node.Inputs[0]!.Type;
        var hasVector = node.Inputs[1]!.Type is { Rank: 1 } scale && scale[0] != 1;
        var vectorAxis = scaleAxis < 0 ? scaleAxis + x.Rank : scaleAxis;
        return [.. Axes(node.Output).Select(axis => hasVector && axis == vectorAxis ? Tie(node, (0, axis), (Result, axis), (1, 0), (2, 0)) : Tie(node, (0, axis), (Result, axis)))];
    }

    private static ChannelTie[] Reduction(Node node, ReduceOp reduce)
    {
        var rank = node.Inputs[0]!.Type.Rank;
        var reduced = reduce.Axes.Count == 0 ? Enumerable.Range(0, rank).ToHashSet() : reduce.Axes.Select(axis => axis < 0 ? axis + rank : axis).ToHashSet();
        return [.. Axes(node.Inputs[0]!).Select(axis => reduced.Contains(axis) ? Tie(node, (0, axis)) : Tie(node, (0, axis), (Result, reduce.KeepDims ? axis : Enumerable.Range(0, axis).Count(before => !reduced.Contains(before)))))];
    }

    /// <summary>A value that consists of others, one after the other along an axis.</summary>
    private static ChannelTie[] Parts(Node node, int axis, int[] whole, int[] parts)
    {
        var all = At(node, whole[0])!.Type;
        if (axis < 0) axis += all.Rank;
        var ties = new List<ChannelTie>();
        foreach (var other in Axes(all).Where(other => other != axis)) ties.Add(Tie(node, [(whole[0], other), .. parts.Select(part => (part, other))]));
        var start = 0;
        foreach (var part in parts)
        {
            if (!At(node, part)!.Type[axis].IsFixed) break;
            var size = At(node, part)!.Type[axis].Size;
            ties.Add(new ChannelTie(size, new TiedAxis(whole[0], axis, start), new TiedAxis(part, axis)));
            start += size;
        }
        return [.. ties];
    }

    private static ChannelTie[] Sliced(Node node)
    {
        var (x, y) = (node.Inputs[0]!.Type, node.Output.Type);
        if (node.Inputs[1]!.Constant?.ToInt64s() is not { } starts || node.Input(3) is { Constant: null } || node.Input(4) is { Constant: null }) return [];
        var axes = node.Input(3)?.Constant!.ToInt64s().Select(axis => axis < 0 ? axis + x.Rank : axis).ToArray() ?? [.. Enumerable.Range(0, starts.Length).Select(axis => (long)axis)];
        var steps = node.Input(4)?.Constant!.ToInt64s();
        var ties = new List<ChannelTie>();
        foreach (var axis in Axes(x))
        {
            var sliced = Array.IndexOf(axes, axis);
            if (sliced < 0) ties.Add(Tie(node, (0, axis), (~0, axis)));
            else if (x[axis].IsFixed && y[axis].IsFixed && (steps is null || steps[sliced] == 1))
                ties.Add(new ChannelTie(y[axis].Size, new TiedAxis(0, axis, (int)Math.Clamp(starts[sliced] < 0 ? starts[sliced] + x[axis].Size : starts[sliced], 0, x[axis].Size)), new TiedAxis(~0, axis)));
        }
        return [.. ties];
    }

    private static ChannelTie[] Gathered(Node node, int axis)
    {
        var (x, indices) = (node.Inputs[0]!.Type, node.Inputs[1]!.Type);
        if (axis < 0) axis += x.Rank;
        return [.. Axes(x).Where(other => other != axis).Select(other => Tie(node, (0, other), (Result, other < axis ? other : other + indices.Rank - 1)))];
    }

    // Second results (indices of a maximum, a mask, means) speak of elements by their place.
    private static ChannelTie[] OneResult(Node node, Func<IEnumerable<ChannelTie>> ties) => node.Outputs.Count == 1 ? [.. ties()] : [];

    private static IEnumerable<int> Axes(Value value) => Axes(value.Type);

    private static IEnumerable<int> Axes(TensorType type) => Enumerable.Range(0, type.Rank);

    private static ChannelTie Tie(Node node, params ReadOnlySpan<(int Slot, int Axis)> axes)
    {
        var tied = axes.ToArray().Select(place => new TiedAxis(place.Slot, place.Axis)).ToArray();
        var size = At(node, tied[0].Slot)!.Type[tied[0].Axis];
        // A size that only a run tells, of a batch, has no channels to order.
        return new ChannelTie(size.IsFixed ? size.Size : 0, [.. Present(node, tied)]);
    }

    private static IEnumerable<TiedAxis> Present(Node node, params IEnumerable<TiedAxis> axes) => axes.Where(place => At(node, place.Slot) is not null);
}
