namespace Pith;

/// <summary>What a Reshape that was written for one size of its operand means for another: sizes are matched from the left, and whatever is the product of some of the operand's stays the product of these.</summary>
internal static class ReshapedSizes
{
    // Stands for a symbol while products are compared: no size of a network is a multiple of it.
    private const int AnyNumber = 1_000_003;

    /// <summary>The operand of the Reshape for <paramref name="now"/>.</summary>
    /// <param name="before">The type of x that the Reshape was written for.</param>
    /// <param name="now">The type that x has.</param>
    /// <param name="result">The type of the result for <paramref name="before"/>.</param>
    /// <exception cref="PithException">A size that changes is taken apart, so that nobody can tell which part grows.</exception>
    public static long[] Of(TensorType before, TensorType now, TensorType result)
    {
        var target = new long[result.Rank];
        var (i, j) = (0, 0);
        while (i < before.Rank || j < result.Rank)
        {
            var (firstIn, firstOut) = (i, j);
            Int128 product = 1, wanted = 1;
            if (i < before.Rank) product *= Number(before[i++]);
            if (j < result.Rank) wanted *= Number(result[j++]);
            while (product != wanted)
            {
                if (product < wanted && i < before.Rank) product *= Number(before[i++]);
                else if (j < result.Rank) wanted *= Number(result[j++]);
                else throw new PithException($"{before} cannot be matched with {result}.");
            }
            Match(before, now, firstIn..i, result, firstOut..j, target);
        }
        return target;
    }

    // The sizes of x in one range are those of the result in the other.
    private static void Match(TensorType before, TensorType now, Range ins, TensorType result, Range outs, long[] target)
    {
        var (firstIn, endIn) = (ins.Start.Value, ins.End.Value);
        var (firstOut, endOut) = (outs.Start.Value, outs.End.Value);
        var isSame = Enumerable.Range(firstIn, endIn - firstIn).All(axis => before[axis] == now[axis]);
        var large = Enumerable.Range(firstOut, endOut - firstOut).Where(axis => result[axis] != 1).ToArray();
        for (var axis = firstOut; axis < endOut; axis++) target[axis] = 1;
        if (isSame)
        {
            // 0 keeps the operand's own size at this place; -1 is what is left.
            foreach (var axis in large) target[axis] = result[axis].IsFixed ? result[axis].Size : axis < now.Rank && now[axis] == result[axis] ? 0 : -1;
        }
        else if (large.Length > 1)
        {
            throw new PithException($"a Reshape takes a size that depends on the image apart ({before} becomes {result}), and which part grows is not known.");
        }
        else
        {
            var product = Enumerable.Range(firstIn, endIn - firstIn).Aggregate(Dim.Of(1), (size, axis) => size * now[axis]);
            target[large.Length == 1 ? large[0] : firstOut] = product.IsFixed ? product.Size : -1;
        }
    }

    private static Int128 Number(Dim dim) => dim.Bind(_ => AnyNumber) is { IsFixed: true } bound ? Math.Max(1, bound.Size) : throw new PithException($"the size {dim} is not known.");
}
