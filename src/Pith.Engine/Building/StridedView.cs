using Pith.Ops;

namespace Pith.Building;

/// <summary>Elements of a dense tensor under another shape: each axis has a stride. Sizes may grow with the batch, strides and offset do not, because the tensor grows in its outermost axis only.</summary>
/// <param name="Offset">The first element.</param>
/// <param name="Sizes">At the batch <see cref="ProbeBatch"/>.</param>
/// <param name="Strides">In elements.</param>
internal sealed record StridedView(long Offset, long[] Sizes, long[] Strides)
{
    /// <summary>The batch at which shapes are compared: a prime that no size is a multiple of by accident.</summary>
    public const int ProbeBatch = 10007;

    /// <summary>All of a dense tensor.</summary>
    public static StridedView Dense(long[] sizes) => new(0, sizes, DenseStrides(sizes));

    /// <summary>The sizes of a value at <see cref="ProbeBatch"/>.</summary>
    public static long[] SizesOf(BatchShape shape) => [.. shape.Axes.Select(size => (long)size.At(ProbeBatch))];

    /// <summary>The view that an op makes of this one; null when it is none, or not known before the run.</summary>
    /// <param name="node">A node whose first operand is this view.</param>
    /// <param name="result">Which of its results.</param>
    /// <param name="shape">The result's shape.</param>
    public StridedView? After(Node node, Value result, BatchShape shape) => node.Op switch
    {
        Identity => this,
        Transpose transpose => Permuted(transpose.PermutationOf(Sizes.Length)),
        Reshape or Flatten or Squeeze or Unsqueeze => Reshaped(SizesOf(shape)),
        Split split => Part(split.Axis, node, result, shape),
        Gather gather when node.Input(1)!.Constant is { Length: 1, Shape.Rank: 0 } index => Picked(gather.Axis, index.ToInt64s()[0]),
        Slice => Sliced(node, shape),
        _ => null,
    };

    private static long[] DenseStrides(long[] sizes)
    {
        var strides = new long[sizes.Length];
        var stride = 1L;
        for (var axis = sizes.Length - 1; axis >= 0; stride *= sizes[axis--]) strides[axis] = stride;
        return strides;
    }

    private StridedView Permuted(IReadOnlyList<int> permutation) => new(Offset, [.. permutation.Select(axis => Sizes[axis])], [.. permutation.Select(axis => Strides[axis])]);

    private StridedView? Part(int axis, Node node, Value result, BatchShape shape)
    {
        if (axis < 0) axis += Sizes.Length;
        if (shape[axis].Grows) return null;
        var start = 0L;
        foreach (var output in node.Outputs)
        {
            if (ReferenceEquals(output, result)) break;
            if (!output.Type[axis].IsFixed) return null;
            start += output.Type[axis].Size;
        }
        return new StridedView(Offset + start * Strides[axis], SizesOf(shape), Strides);
    }

    private StridedView? Picked(int axis, long index)
    {
        if (axis < 0) axis += Sizes.Length;
        if (index < 0) index += Sizes[axis];
        // An index from the end of an axis that grows is another at each batch.
        return Sizes[axis] % ProbeBatch == 0 ? null : new StridedView(Offset + index * Strides[axis], [.. Without(Sizes, axis)], [.. Without(Strides, axis)]);
    }

    private static IEnumerable<long> Without(long[] items, int axis) => items.Where((_, i) => i != axis);

    private StridedView? Sliced(Node node, BatchShape shape)
    {
        long[]? Operand(int index) => node.Input(index)?.Constant?.ToInt64s();
        if (Operand(1) is not [var start] || Operand(3) is not [var at] || (node.Input(4) is not null && Operand(4) is not [1])) return null;
        var axis = (int)(at < 0 ? at + Sizes.Length : at);
        if (Sizes[axis] % ProbeBatch == 0) return null;
        start = Math.Clamp(start < 0 ? start + Sizes[axis] : start, 0, Sizes[axis]);
        return new StridedView(Offset + start * Strides[axis], SizesOf(shape), Strides);
    }

    // Axes are split and joined as far as the strides allow.
    private StridedView? Reshaped(long[] sizes)
    {
        if (Sizes.Contains(0) || sizes.Contains(0)) return null;
        var (from, strides) = (new List<long>(), new List<long>());
        for (var axis = 0; axis < Sizes.Length; axis++)
        {
            if (Sizes[axis] == 1) continue;
            from.Add(Sizes[axis]);
            strides.Add(Strides[axis]);
        }
        var result = new long[sizes.Length];
        var (old, at) = (0, 0);
        while (at < sizes.Length)
        {
            if (sizes[at] == 1)
            {
                result[at++] = 0;
                continue;
            }
            if (old == from.Count) return null;
            var (oldEnd, newEnd) = (old + 1, at + 1);
            var (oldProduct, newProduct) = (from[old], sizes[at]);
            while (oldProduct != newProduct)
            {
                if (oldProduct < newProduct)
                {
                    if (oldEnd == from.Count) return null;
                    oldProduct *= from[oldEnd++];
                }
                else
                {
                    if (newEnd == sizes.Length) return null;
                    newProduct *= sizes[newEnd++];
                }
            }
            for (var i = old; i + 1 < oldEnd; i++)
                if (strides[i] != strides[i + 1] * from[i + 1]) return null;
            var stride = strides[oldEnd - 1];
            for (var i = newEnd - 1; i >= at; stride *= sizes[i--]) result[i] = stride;
            (old, at) = (oldEnd, newEnd);
        }
        return new StridedView(Offset, sizes, result);
    }
}
