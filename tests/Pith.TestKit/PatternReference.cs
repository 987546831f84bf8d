namespace Pith.TestKit;

/// <summary>V:2:4 by its definition, with the indices of every axis written out: what the fast forms are compared with.</summary>
public static class PatternReference
{
    /// <summary>
    /// The sets of weights that share a pattern: for each, four lists of the row-major indices of the elements that are kept or dropped together, one list for each of the four neighbours along the reduction.
    /// </summary>
    /// <param name="shape">The weight's sizes.</param>
    /// <param name="reduction">The axis that is summed over.</param>
    /// <param name="output">The axis of output channels; null when there is none.</param>
    /// <param name="perGroup">Output channels of one convolution group.</param>
    /// <param name="channels">V.</param>
    public static IReadOnlyList<IReadOnlyList<int>[]> SharedQuads(Shape shape, int reduction, int? output, int perGroup, int channels)
    {
        var sets = new Dictionary<long, List<int>[]>();
        var index = new int[shape.Rank];
        for (var element = 0; element < shape.Length; element++)
        {
            var rest = element;
            for (var axis = shape.Rank - 1; axis >= 0; axis--) (rest, index[axis]) = Math.DivRem(rest, shape[axis]);
            // The indices that a set has in common, as the digits of one number.
            long key = 0;
            for (var axis = 0; axis < shape.Rank; axis++)
            {
                var i = index[axis];
                if (axis == output) key = key * shape[axis] + i / perGroup;
                key = key * shape[axis] + (axis == reduction ? i / 4 : axis == output ? i % perGroup / channels : i);
            }
            if (!sets.TryGetValue(key, out var quad)) sets[key] = quad = [[], [], [], []];
            quad[index[reduction] % 4].Add(element);
        }
        return [.. sets.Values];
    }

    /// <summary>Whether weights have the pattern.</summary>
    public static bool Holds<T>(T[] weights, Shape shape, int reduction, int? output, int perGroup, int channels) where T : System.Numerics.INumberBase<T> =>
        shape[reduction] % 4 == 0 && SharedQuads(shape, reduction, output, perGroup, channels).All(quad => quad.Count(members => members.Any(member => !T.IsZero(weights[member]))) <= 2);

    /// <summary>Sets to zero what the pattern drops: of the six ways to keep two of four the one with the largest sum of magnitudes, the first of equal ones.</summary>
    public static float[] Pruned(float[] weights, Shape shape, int reduction, int? output, int perGroup, int channels)
    {
        (int, int)[] patterns = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];
        var pruned = (float[])weights.Clone();
        foreach (var quad in SharedQuads(shape, reduction, output, perGroup, channels))
        {
            var sums = quad.Select(members => members.Sum(member => Math.Abs((double)weights[member]))).ToArray();
            var (first, second) = patterns.MaxBy(pattern => sums[pattern.Item1] + sums[pattern.Item2]);
            for (var i = 0; i < 4; i++)
                if (i != first && i != second)
                    foreach (var member in quad[i]) pruned[member] = 0;
        }
        return pruned;
    }
}
