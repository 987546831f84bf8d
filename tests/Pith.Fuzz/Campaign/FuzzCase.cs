namespace Pith.Fuzz.Campaign;

/// <summary>What a case did wrong.</summary>
/// <param name="Kind">One line without sizes and numbers: failures of one kind count as one finding.</param>
/// <param name="Detail">Everything that helps to see the cause.</param>
internal sealed record Failure(string Kind, string Detail);

/// <summary>One random test: made of parts that can be left out one by one, which is how it shrinks. Deterministic.</summary>
internal abstract class FuzzCase
{
    /// <summary>How many parts there are.</summary>
    public abstract int Parts { get; }

    /// <summary>Runs the case with only some of its parts.</summary>
    /// <param name="kept">The parts, ascending.</param>
    /// <returns>Null when everything is as it should be.</returns>
    public abstract Failure? Check(IReadOnlyList<int> kept);

    /// <summary>The names of the parts: failures of one kind with the same parts count as one.</summary>
    public abstract string Summary(IReadOnlyList<int> kept);

    /// <summary>The case as text: its graph, its settings.</summary>
    public abstract string Describe(IReadOnlyList<int> kept);

    /// <summary>Writes what the case reads (a model, a damaged file) to a folder.</summary>
    public abstract void Save(IReadOnlyList<int> kept, string folder);

    public IReadOnlyList<int> AllParts => [.. Enumerable.Range(0, Parts)];

    /// <summary>Leaves out parts as long as the case goes on to fail: halves first, then single ones.</summary>
    public IReadOnlyList<int> Shrink(TimeSpan longest)
    {
        var until = DateTime.UtcNow + longest;
        var kept = AllParts.ToList();
        for (var chunk = Math.Max(1, kept.Count / 2); ; chunk = Math.Max(1, chunk / 2))
        {
            var smaller = false;
            for (var at = kept.Count - chunk; at >= 0 && DateTime.UtcNow < until; at = Math.Min(at - 1, kept.Count - chunk))
            {
                var candidate = kept.Where((_, i) => i < at || i >= at + chunk).ToList();
                if (Check(candidate) is null) continue;
                kept = candidate;
                smaller = true;
            }
            if (DateTime.UtcNow >= until || (chunk == 1 && !smaller)) return kept;
        }
    }
}
