using System.Globalization;

namespace Pith.Compression.Sparsity;

/// <summary>What a forecast comes to, in plain sentences.</summary>
internal static class ForecastVerdict
{
    // Less is within what two measurements of one network differ by.
    private const double Nothing = 1.03;

    // A stricter pattern that gains less than this costs accuracy for nothing.
    private const double NearlyBest = 0.95;

    /// <summary>The freest pattern that reaches the target, or nearly the best of all; null for none.</summary>
    /// <param name="forecasts">From the freest to the strictest pattern.</param>
    /// <param name="target">The speed-up that is wanted; null for none.</param>
    public static PatternForecast? Cheapest(IReadOnlyList<PatternForecast> forecasts, double? target)
    {
        if (target is { } wanted) return forecasts.FirstOrDefault(forecast => forecast.Speedup >= wanted);
        var best = forecasts.Max(forecast => forecast.Speedup);
        return best < Nothing ? null : forecasts.First(forecast => forecast.Speedup >= best * NearlyBest && forecast.Speedup >= Nothing);
    }

    /// <summary>One sentence for 2:4, one for the others, one for the choice.</summary>
    /// <param name="forecasts">From the freest to the strictest pattern.</param>
    /// <param name="layers">The layers with weights.</param>
    /// <param name="forms">The forms of weights that some kernel took.</param>
    /// <param name="target">The speed-up that is wanted; null for none.</param>
    public static IReadOnlyList<string> Sentences(IReadOnlyList<PatternForecast> forecasts, IReadOnlyList<ForecastLayer> layers, IReadOnlySet<string> forms, double? target)
    {
        var sentences = new List<string>();
        var reason = layers.All(layer => layer.WhyDense is not null) ? "no layer can hold the pattern" : null;
        foreach (var forecast in forecasts.Where(forecast => forecast.Pattern == SparsityPattern.TwoOfFour.ToString() || reason is not null).Take(1))
            sentences.Add(Sentence(forecast, reason ?? (forms.Contains(forecast.Pattern) ? "its kernels are not faster than dense ones on these layers" : "no kernel here skips the zeros of an arbitrary 2:4 mask")));
        if (reason is not null) return sentences;
        var shared = forecasts.Where(forecast => forecast.Pattern != SparsityPattern.TwoOfFour.ToString()).ToArray();
        if (!SparsityPattern.All.Any(pattern => pattern.IsShared && forms.Contains(pattern.ToString()))) sentences.Add("No kernel here uses patterns that output channels share (V:2:4).");
        else if (shared.Length > 0 && shared.All(forecast => forecast.Speedup < Nothing))
            sentences.Add($"{string.Join(", ", shared.Select(forecast => forecast.Pattern))} {(shared.Length == 1 ? "gains" : "gain")} nothing either: {(shared.Length == 1 ? "its" : "their")} kernels are not faster than dense ones on these layers.");
        else if (shared.Length > 0)
            sentences.Add($"With shared patterns the network is {string.Join(", ", shared.Select(forecast => Text($"{forecast.Speedup:0.00} ({forecast.Pattern})")))} times as fast.");
        sentences.Add(Choice(forecasts, target));
        return sentences;
    }

    private static string Sentence(PatternForecast forecast, string whyNothing) => forecast.Speedup < Nothing
        ? Text($"{forecast.Pattern} alone gains nothing on this CPU ({forecast.Speedup:0.00}x): {whyNothing}.")
        : Text($"{forecast.Pattern} alone makes the network {forecast.Speedup:0.00} times as fast.");

    private static string Choice(IReadOnlyList<PatternForecast> forecasts, double? target)
    {
        var best = forecasts.MaxBy(forecast => forecast.Speedup)!;
        if (Cheapest(forecasts, target) is { } cheapest)
            return target is { } reached
                ? Text($"The cheapest pattern that reaches {reached:0.00}x is {cheapest.Pattern} ({cheapest.Speedup:0.00}x): pith prune --pattern {cheapest.Pattern}.")
                : Text($"Suggested: {cheapest.Pattern}, {cheapest.Speedup:0.00} times as fast; a stricter pattern gains less than 5% more. Next: pith prune --pattern {cheapest.Pattern}.");
        return target is { } missed ? Text($"No pattern reaches {missed:0.00}x; the best is {best.Pattern} with {best.Speedup:0.00}x.") : "Sparsity does not make this network faster here; it makes it smaller at most.";
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
