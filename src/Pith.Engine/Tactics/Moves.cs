using Pith.Building;
using Pith.Ops;

namespace Pith.Tactics;

/// <summary>The ops that only move elements, each as one or more <see cref="Move"/>s.</summary>
internal static class Moves
{
    /// <summary>What the layer copies; null when the op is none of these, or its bounds are not known before the run.</summary>
    public static Move[]? Of(OpLayer layer) => layer.Op switch
    {
        Transpose transpose => [OfTranspose(layer, transpose)],
        Split split => [.. OfSplit(layer, split)],
        Slice => OfSlice(layer) is { } slice ? [slice] : null,
        DepthToSpace op => [OfDepthToSpace(layer, op)],
        SpaceToDepth op => [OfSpaceToDepth(layer, op.BlockSize)],
        InterleavePhases join => [.. OfInterleave(layer, join)],
        _ => null,
    };

    private static MoveLoop[] Axes(Slot output, Func<int, int> from) => [.. Enumerable.Range(0, output.Shape.Rank).Select(axis => new MoveLoop(output.Shape[axis], from(axis), axis))];

    private static Move OfTranspose(OpLayer layer, Transpose transpose)
    {
        var permutation = transpose.PermutationOf(layer.Output.Shape.Rank);
        return new Move(layer.Inputs[0]!, layer.Output, Axes(layer.Output, axis => permutation[axis]), [], []);
    }

    private static IEnumerable<Move> OfSplit(OpLayer layer, Split split)
    {
        var axis = split.Axis < 0 ? split.Axis + layer.Output.Shape.Rank : split.Axis;
        var start = 0;
        foreach (var output in layer.Outputs)
        {
            yield return new Move(layer.Inputs[0]!, output, Axes(output, own => own), [new(axis, start)], []);
            start += output.Shape[axis].Fixed;
        }
    }

    private static Move? OfSlice(OpLayer layer)
    {
        if (layer.Inputs.Skip(1).Any(operand => operand is { Constant: null })) return null;
        long[]? Operand(int index) => layer.Inputs.ElementAtOrDefault(index)?.Constant!.ToInt64s();
        var shape = layer.Inputs[0]!.Shape;
        var (loops, starts, axes, steps) = (Axes(layer.Output, own => own), new List<MoveStart>(), Operand(3), Operand(4));
        var first = Operand(1)!;
        for (var i = 0; i < first.Length; i++)
        {
            var axis = (int)(axes?[i] ?? i);
            if (axis < 0) axis += shape.Rank;
            // A step over the whole axis takes one element, whatever it is.
            var (size, step) = (shape[axis].Fixed, (int)Math.Clamp(steps?[i] ?? 1, -int.MaxValue, int.MaxValue));
            // Backwards from the last index at most. How many are taken is the size of the result.
            starts.Add(new(axis, (int)Math.Clamp(first[i] < 0 ? first[i] + size : first[i], 0, step > 0 ? size : Math.Max(size - 1, 0))));
            loops[axis] = loops[axis] with { FromStep = step };
        }
        return new Move(layer.Inputs[0]!, layer.Output, loops, [.. starts], []);
    }

    // Channels are (row, column, c), or (c, row, column).
    private static Move OfDepthToSpace(OpLayer layer, DepthToSpace op)
    {
        var (x, y, b) = (layer.Inputs[0]!.Shape, layer.Output.Shape, op.BlockSize);
        var (channel, row, column) = op.ColumnRowDepth ? (b * b, b, 1) : (1, b * y[1].Fixed, y[1].Fixed);
        MoveLoop[] loops = [new(x[0], 0, 0), new(y[1], 1, 1, channel), new(x[2], 2, 2, 1, b), new(b, 1, 2, row), new(x[3], 3, 3, 1, b), new(b, 1, 3, column)];
        return new Move(layer.Inputs[0]!, layer.Output, loops, [], []);
    }

    private static Move OfSpaceToDepth(OpLayer layer, int b)
    {
        var (x, y) = (layer.Inputs[0]!.Shape, layer.Output.Shape);
        var channels = x[1].Fixed;
        MoveLoop[] loops = [new(x[0], 0, 0), new(b, 2, 1, 1, b * channels), new(b, 3, 1, 1, channels), new(x[1], 1, 1), new(y[2], 2, 2, b), new(y[3], 3, 3, b)];
        return new Move(layer.Inputs[0]!, layer.Output, loops, [], []);
    }

    private static IEnumerable<Move> OfInterleave(OpLayer layer, InterleavePhases join)
    {
        var (first, output) = (layer.Inputs[0]!, layer.Output);
        var (batch, channels) = (output.Shape[0], output.Shape[1].Fixed);
        var isJoined = layer.Inputs.Length == 1 && join.Count > 1;
        if (isJoined && join is { Top: 0, Left: 0 } && join.Height % join.Rows == 0 && join.Width % join.Columns == 0)
        {
            MoveLoop[] loops =
            [
                new(batch, 0, 0), new(join.Height / join.Rows, 2, 2, 1, join.Rows), new(join.Rows, 1, 2, join.Columns * channels), new(join.Width / join.Columns, 3, 3, 1, join.Columns),
                new(join.Columns, 1, 3, channels), new(channels, 1, 1),
            ];
            yield return new Move(first, output, loops, [], []);
            yield break;
        }
        for (var phase = 0; phase < join.Count; phase++)
        {
            var (rowStart, row, rows) = Range(phase / join.Columns, join.Rows, join.Top, join.Height);
            var (columnStart, column, columns) = Range(phase % join.Columns, join.Columns, join.Left, join.Width);
            MoveLoop[] loops = [new(batch, 0, 0), new(rows, 2, 2, 1, join.Rows), new(columns, 3, 3, 1, join.Columns), new(channels, 1, 1)];
            yield return new Move(isJoined ? first : layer.Inputs[phase]!, output, loops, [new(1, isJoined ? phase * channels : 0), new(2, rowStart), new(3, columnStart)], [new(2, row), new(3, column)]);
        }
    }

    // The indices of a phase that are read: the first, where it goes, and how many there are.
    private static (int From, int To, int Count) Range(int phase, int phases, int cut, int size)
    {
        var from = Math.Max(0, (cut - phase + phases - 1) / phases);
        var to = from * phases + phase - cut;
        return (from, to, to >= size ? 0 : (size - 1 - to) / phases + 1);
    }
}
