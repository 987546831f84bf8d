using System.Globalization;
using Pith.Benchmarking;

namespace Pith.Compression.Sparsity;

/// <summary>A weight that may be pruned.</summary>
/// <param name="Layers">The layers that use it.</param>
/// <param name="Magnitude">The sum of |w|.</param>
/// <param name="Kept">The share of it that each pattern keeps; only those that the weight can take.</param>
internal sealed record PrunableWeight(IReadOnlyList<string> Layers, double Magnitude, IReadOnlyList<(SparsityPattern Pattern, double Share)> Kept);

/// <summary><c>--pattern auto</c>: times the layers of the INT8 network with every pattern (<see cref="ForecastTrial"/>), chooses (<see cref="PatternSearch"/>), and times the chosen network as a whole.</summary>
internal static class PatternSelector
{
    // Less is within what two measurements of one layer differ by.
    private const double LeastGain = 0.03;

    // Without a target: what comes so near to the fastest choice keeps more magnitude.
    private const double NearlyFastest = 0.95;

    // The whole network may gain a little less than its layers do one by one; then more of them are pruned.
    private const int Rounds = 3;

    private static readonly BenchmarkSettings s_timing = new() { Seconds = 1.5 };

    /// <summary>Measures and chooses.</summary>
    /// <param name="graph">The float network; not changed.</param>
    /// <param name="weights">Its weights that may be pruned.</param>
    /// <param name="settings">The targets, and the batch that times are for.</param>
    /// <param name="options">Threads, progress, cancellation.</param>
    /// <exception cref="PithException">The network cannot be quantized or built.</exception>
    public static PatternSelection Run(Graph graph, IReadOnlyList<PrunableWeight> weights, PruningSettings settings, PruningOptions options)
    {
        var measured = new ForecastSettings { Batch = settings.Batch, Threads = options.Threads, Benchmark = s_timing };
        using var trial = new ForecastTrial(SparsityForecast.Int8Form(graph), measured, options.Events, options.Cancellation);
        foreach (var pattern in trial.Patterns()) trial.TimeLayers(pattern);
        var times = trial.Layers().ToDictionary(layer => layer.Name, StringComparer.Ordinal);
        var known = weights.Select(weight => (weight.Magnitude, Options: OptionsOf(weight, times))).ToArray();
        var dense = trial.DenseMicroseconds;

        var target = settings.Speedup ?? (settings.Keep is null ? NearlyFastest * Fastest(dense, known) : double.PositiveInfinity);
        for (var (round, aim) = (1, target); ; round++)
        {
            var search = new PatternSearch(dense, known, settings.Keep ?? 0);
            search.Reach(aim);
            var chosen = weights.Select((weight, i) => new SelectedWeight(weight.Layers.ToValueList(), search.Chosen[i].Pattern, known[i].Options.ToValueList())).ToValueList();
            var selection = new PatternSelection
            {
                Machine = MachineDescription.Text,
                Batch = settings.Batch,
                Threads = trial.Threads,
                TargetSpeedup = settings.Speedup,
                TargetKept = settings.Keep,
                DenseMicroseconds = dense,
                PredictedSpeedup = search.Speedup,
                MeasuredSpeedup = chosen.All(weight => weight.Chosen == TacticVerdict.Dense) ? 1 : trial.Speedup($"choice {round}", PatternsOf(chosen)),
                KeptMagnitude = search.Kept,
                Weights = chosen,
                IsReached = true,
                Verdict = "",
            };
            var falls = settings.Speedup is { } wanted && selection.MeasuredSpeedup < wanted;
            if (!falls || round == Rounds || search.Speedup < aim) return Judged(selection);
            aim *= settings.Speedup!.Value / selection.MeasuredSpeedup;
        }
    }

    /// <summary>With whether the targets are met, in a flag and in words.</summary>
    internal static PatternSelection Judged(PatternSelection selection)
    {
        var (speedup, kept) = (selection.MeasuredSpeedup, selection.KeptMagnitude);
        var pruned = selection.Weights.Count(weight => weight.Chosen != TacticVerdict.Dense);
        var reached = selection.TargetSpeedup is not { } wanted || speedup >= wanted;
        var result = pruned == 0 ? $"all layers stay dense: {(selection.Weights.All(weight => weight.Options.Count == 1) ? "no pattern makes one faster here" : "patterns gain too little here for what they cost")}"
            : Text($"{speedup:0.00} times as fast as dense in INT8 (the layers one by one: {selection.PredictedSpeedup:0.00}), with {kept:0.000} of the magnitude kept, dense layers included");
        return selection with
        {
            IsReached = reached,
            Verdict = reached ? $"{char.ToUpperInvariant(result[0])}{result[1..]}."
                : Text($"The target of {selection.TargetSpeedup:0.00}x is not met{(selection.TargetKept is { } keep ? Text($" with at least {keep:0.000} of the magnitude kept") : "")}: {result}."),
        };
    }

    /// <summary>The options of a weight: dense, and the patterns for which a kernel for sparse weights was chosen that gains something.</summary>
    /// <param name="weight">The weight.</param>
    /// <param name="times">The layers of the network by name.</param>
    internal static IReadOnlyList<PatternOption> OptionsOf(PrunableWeight weight, IReadOnlyDictionary<string, ForecastLayer> times)
    {
        ForecastLayer[] layers = [.. weight.Layers.Where(times.ContainsKey).Select(name => times[name])];
        var dense = layers.Sum(layer => layer.DenseMicroseconds);
        var options = new List<PatternOption> { new(TacticVerdict.Dense, dense, 1) };
        foreach (var (pattern, share) in weight.Kept)
        {
            // Without a time for each layer nothing is known; with dense kernels all differences are chance.
            if (layers.Length == 0 || layers.Any(layer => layer.WhyDense is not null || layer.Times.All(time => time.Pattern != pattern.ToString()))) continue;
            var microseconds = layers.Sum(layer => layer.Times.First(time => time.Pattern == pattern.ToString()) is var time && time.WeightForm != TacticVerdict.Dense ? time.Microseconds : layer.DenseMicroseconds);
            if (microseconds < dense * (1 - LeastGain)) options.Add(new PatternOption(pattern.ToString(), microseconds, share));
        }
        return options;
    }

    private static double Fastest(double dense, (double Magnitude, IReadOnlyList<PatternOption> Options)[] weights) =>
        dense / (dense - weights.Sum(weight => weight.Options[0].Microseconds - weight.Options.Min(option => option.Microseconds)));

    private static Func<string, SparsityPattern?> PatternsOf(ValueList<SelectedWeight> weights)
    {
        var patterns = (from weight in weights where weight.Chosen != TacticVerdict.Dense from layer in weight.Layers select (layer, weight.Chosen))
            .ToDictionary(entry => entry.layer, entry => SparsityPattern.Parse(entry.Chosen), StringComparer.Ordinal);
        return patterns.GetValueOrDefault;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
