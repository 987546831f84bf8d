using System.Globalization;

namespace Pith.Cli.Reporting;

/// <summary>What became of a layer's tactics, in few lines: ways to cut up the work of one kernel that were refused or left for the same reason are one line.</summary>
internal static class VerdictText
{
    /// <summary>One line for each tactic that was chosen or timed, fastest first, then one for each kernel and reason.</summary>
    public static IEnumerable<string> Lines(LayerInfo layer)
    {
        var timed = layer.Verdicts.Where(verdict => verdict.Seconds is not null || verdict.Tactic == layer.Tactic).OrderBy(verdict => verdict.Tactic != layer.Tactic).ThenBy(verdict => verdict.Seconds);
        foreach (var verdict in timed) yield return $"+ {verdict.Tactic}: {verdict.Reason}{Time(verdict.Seconds)}";
        var others = layer.Verdicts.Where(verdict => verdict.Seconds is null && verdict.Tactic != layer.Tactic).GroupBy(verdict => (Kernel: Kernel(verdict.Tactic), verdict.Accepted, verdict.Reason));
        foreach (var group in others) yield return $"{(group.Key.Accepted ? "+" : "-")} {group.Key.Kernel}{(group.Count() > 1 ? $" ({group.Count()} ways)" : "")}: {group.Key.Reason}";
    }

    /// <summary>The next best of the tactics that were timed, or how many others there were.</summary>
    public static string RunnerUp(LayerInfo layer)
    {
        var others = layer.Verdicts.Where(verdict => verdict.Tactic != layer.Tactic).ToArray();
        return others.Where(verdict => verdict.Seconds is not null).MinBy(verdict => verdict.Seconds) is { } next ? $"{next.Tactic}{Time(next.Seconds)}"
            : others.Length == 0 ? ""
            : $"{others.Count(verdict => verdict.Accepted)} possible, {others.Count(verdict => !verdict.Accepted)} refused";
    }

    // The name up to what says how the work is cut up.
    private static string Kernel(string tactic) => tactic.Split(':')[0];

    private static string Time(double? seconds) => seconds is { } s ? string.Create(CultureInfo.InvariantCulture, $" ({1e6 * s:0.0} µs)") : "";
}
