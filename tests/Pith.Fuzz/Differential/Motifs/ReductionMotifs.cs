using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Sums, means and extrema along axes.</summary>
internal static class ReductionMotifs
{
    private static readonly Func<ValueList<int>, bool, Op>[] s_reductions =
    [
        (axes, keep) => new ReduceMean(axes, keep), (axes, keep) => new ReduceSum(axes, keep), (axes, keep) => new ReduceMax(axes, keep), (axes, keep) => new ReduceMin(axes, keep),
        (axes, keep) => new ReduceL1(axes, keep), (axes, keep) => new ReduceL2(axes, keep), (axes, keep) => new ReduceSumSquare(axes, keep), (axes, keep) => new ReduceProd(axes, keep),
        (axes, keep) => new ReduceLogSumExp(axes, keep), (axes, keep) => new ReduceLogSum(axes, keep),
    ];

    public static IReadOnlyList<Motif> All { get; } =
    [
        new("mean over pixels", (s, x) => NetworkSketch.IsMap(x) ? s.Add(new ReduceMean(Enumerable.Range(2, x.Type.Rank - 2).ToValueList(), s.Chance(0.5)), x) : null),
        new("mean of two axes", (s, x) => NetworkSketch.IsMap(x) && x.Type.Rank == 4 ? s.Add(new ReduceMean([2, 3], s.Chance(0.5)), x) : null),
        new("reduction", Reduction),
        new("position of the maximum", Position),
    ];

    private static Value? Reduction(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || !NetworkSketch.IsBatched(x)) return null;
        var axes = Enumerable.Range(1, x.Type.Rank - 1).Where(_ => s.Chance(0.5)).Select(axis => s.Chance(0.3) ? axis - x.Type.Rank : axis).ToValueList();
        return axes.Count == 0 ? null : s.Add(s_reductions[s.Int(0, s.Chance(0.7) ? 3 : s_reductions.Length - 1)](axes, s.Chance(0.5)), x);
    }

    private static Value? Position(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || !NetworkSketch.IsBatched(x)) return null;
        var (axis, keep, last) = (s.Int(1, x.Type.Rank - 1), s.Chance(0.5), s.Chance(0.3));
        return s.Add(s.Chance(0.5) ? new ArgMax(axis, keep, last) : new ArgMin(axis, keep, last), x);
    }
}
