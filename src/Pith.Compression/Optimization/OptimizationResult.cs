using System.Globalization;

namespace Pith.Compression.Optimization;

/// <summary>A network that was built and measured.</summary>
/// <param name="Name">What it is, for people.</param>
/// <param name="Layers">What was done to each layer with weights: <c>float</c>, <c>int8</c>, <c>16:2:4 int8</c> …; in execution order.</param>
/// <param name="Score">How it does on the images that decide.</param>
/// <param name="Loss">What it loses by the metric, in percent.</param>
/// <param name="Holds">Whether that is no more than allowed.</param>
/// <param name="PredictedSpeedup">How many times as fast as the float network the sum of its layers' times says that it is.</param>
/// <param name="MedianMs">Median milliseconds of a run.</param>
/// <param name="Speedup">How many times as fast as the float network it was, both timed in turn.</param>
/// <param name="LowerQuartile">A quarter of the rounds gave less.</param>
/// <param name="UpperQuartile">A quarter of the rounds gave more.</param>
public sealed record OptimizationTrial(string Name, ValueList<(string Layer, string Option)> Layers, SearchScore Score, double Loss, bool Holds, double PredictedSpeedup, double MedianMs, double Speedup, double LowerQuartile, double UpperQuartile)
{
    /// <summary>How many layers each option has, the most frequent first: <c>30 int8, 12 16:2:4 int8, 2 float</c>.</summary>
    public string Summary => string.Join(", ", Layers.GroupBy(layer => layer.Option).OrderByDescending(option => option.Count()).ThenBy(option => option.Key, StringComparer.Ordinal).Select(option => string.Create(CultureInfo.InvariantCulture, $"{option.Count()} {option.Key}")));
}

/// <summary>What a joint search over precision and sparsity has found.</summary>
public sealed record OptimizationResult
{
    /// <summary>What was asked for.</summary>
    public required OptimizationSettings Settings { get; init; }

    /// <summary>The machine that times were measured on.</summary>
    public required string Machine { get; init; }

    /// <summary>The images that decided, for people.</summary>
    public required string Images { get; init; }

    /// <summary>Whether <see cref="Chosen"/> meets the targets.</summary>
    public required bool IsReached { get; init; }

    /// <summary>The network that was chosen.</summary>
    public required OptimizationTrial Chosen { get; init; }

    /// <summary>Every network that was built, in order.</summary>
    public required IReadOnlyList<OptimizationTrial> Trials { get; init; }

    /// <summary>Measurements that an earlier run had finished and that were not repeated.</summary>
    public required int KeptTrials { get; init; }

    /// <summary>The trials that no other beats in both accuracy and speed, the fastest first.</summary>
    public IReadOnlyList<OptimizationTrial> Front => [.. Trials.Where(trial => !Trials.Any(other => other.Speedup >= trial.Speedup && other.Loss < trial.Loss || other.Speedup > trial.Speedup && other.Loss <= trial.Loss)).OrderByDescending(trial => trial.Speedup)];

    /// <summary>The result in sentences.</summary>
    public string Verdict
    {
        get
        {
            string[] targets = [.. new[] { double.IsFinite(Settings.Allowed) ? Text($"at most {Settings.Allowed} {SearchResult.UnitOf(Settings.Metric)} lost") : null, Settings.Speedup is { } wanted ? Text($"at least {wanted} times as fast as float") : null }.OfType<string>()];
            var found = Text($"{SearchResult.LossOf(Settings.Metric, Chosen.Score)}; {Chosen.Speedup:0.00} times as fast as the float network; {Chosen.Summary}");
            return IsReached
                ? $"Reached ({string.Join(", ", targets)}): {found}. Measured on {Images}, by which the search chose among {Trials.Count} networks: others may show another loss. Confirm it with pith compare --accuracy on images that were not used here."
                : $"Not reached: {string.Join(", ", targets)}. The nearest network found: {found}. Measured on {Images}. Pruning followed by training (pith prune, pith finetune, pith qat) loses less than pruning alone.";
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
