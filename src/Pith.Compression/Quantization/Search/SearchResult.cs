using System.Globalization;

namespace Pith.Compression.Quantization;

/// <summary>A network that was built and measured: the quantized one with some layers in float.</summary>
/// <param name="FloatLayers">The layers in float, in execution order.</param>
/// <param name="Activations">The form of activations where it is not the one that was asked for; else null.</param>
/// <param name="Int8Share">The share of the multiply-accumulates in INT8, 0 to 1.</param>
/// <param name="Score">How it does on the images that decide.</param>
/// <param name="Loss">What it loses by the search's metric, in percent.</param>
/// <param name="Holds">Whether that is no more than the target, with outputs that are nearer to the float ones than those of the networks that missed it before.</param>
public sealed record SearchTrial(ValueList<string> FloatLayers, ActivationForm? Activations, double Int8Share, SearchScore Score, double Loss, bool Holds);

/// <summary>What a layer costs by being quantized.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="ErrorWithout">The relative error of the outputs, on calibration images, with this layer alone in float.</param>
/// <param name="Gain">By which share of the quantized network's error that is smaller; negative when it is larger.</param>
public sealed record LayerSensitivity(QuantizedLayer Layer, double ErrorWithout, double Gain);

/// <summary>A network of a search with its measured latency.</summary>
/// <param name="Name">What it is: <c>float</c>, <c>all INT8</c>, <c>chosen</c>, or how many layers it has in float.</param>
/// <param name="Trial">The trial; null for the float network, which loses nothing.</param>
/// <param name="MedianMs">Median milliseconds of a run of one image, or of the batch that the network fixes.</param>
/// <param name="Speedup">How many times as fast as the float network, both timed in turn.</param>
/// <param name="LowerQuartile">A quarter of the rounds gave less.</param>
/// <param name="UpperQuartile">A quarter of the rounds gave more.</param>
public sealed record FrontPoint(string Name, SearchTrial? Trial, double MedianMs, double Speedup, double LowerQuartile, double UpperQuartile)
{
    /// <summary>What it loses by the search's metric, in percent.</summary>
    public double Loss => Trial?.Loss ?? 0;
}

/// <summary>What a search for the layers to keep in float has found.</summary>
public sealed record SearchResult
{
    /// <summary>What was asked for.</summary>
    public required SearchSettings Settings { get; init; }

    /// <summary>The images that decided, for people.</summary>
    public required string Images { get; init; }

    /// <summary>Whether <see cref="Chosen"/> meets the target.</summary>
    public required bool IsReached { get; init; }

    /// <summary>The network that was chosen: of those that meet the target, the one with most multiply-accumulates in INT8; else the one that loses least.</summary>
    public required SearchTrial Chosen { get; init; }

    /// <summary>The settings with which <c>quantize</c> makes such a network without a search.</summary>
    public required QuantizationSettings Quantization { get; init; }

    /// <summary>Layers that can be moved to float.</summary>
    public required int Layers { get; init; }

    /// <summary>Every network that was measured on the images that decide, in order.</summary>
    public required IReadOnlyList<SearchTrial> Trials { get; init; }

    /// <summary>What each layer costs; empty when all layers could stay in INT8.</summary>
    public required IReadOnlyList<LayerSensitivity> Sensitivities { get; init; }

    /// <summary>Accuracy against measured latency, the float network first.</summary>
    public IReadOnlyList<FrontPoint> Front { get; init; } = [];

    /// <summary>Trials that an earlier run had finished and that were not repeated.</summary>
    public required int KeptTrials { get; init; }

    /// <summary>The result in sentences.</summary>
    public string Verdict
    {
        get
        {
            var target = Text($"at most {Settings.MaxDrop} {UnitOf(Settings.Metric)}");
            var layers = Chosen.FloatLayers.Count switch
            {
                0 => $"all {Layers} layers are in INT8",
                var count => Text($"{count} of {Layers} layers {(count == 1 ? "is" : "are")} in float, {100 * Chosen.Int8Share:0.0}% of the multiply-accumulates in INT8"),
            };
            return IsReached
                ? $"Reached ({target}): {LossOf(Chosen)}; {layers}. {Caution}"
                : $"Not reached: {target} were asked for; the best network found loses more: {LossOf(Chosen)}; {layers}. {Text($"{100 * Settings.LeastInt8:0.#}")}% of the multiply-accumulates have to stay in INT8 (least_int8). A higher effort, more calibration images or another target may do.";
        }
    }

    /// <summary>The number of images limits what can be told.</summary>
    private string Caution => Settings.Metric == SearchMetric.Snr ? $"Measured on {Images}."
        : Text($"Measured on {Images}, by which the search chose among {Trials.Count} networks: one image is {100.0 / Chosen.Score.Images:0.##} points, and others may show another loss. Confirm it with pith compare --accuracy on images that were not used here.");

    /// <summary>What a network loses, in words, with its paired interval.</summary>
    public string LossOf(SearchTrial trial)
    {
        ArgumentNullException.ThrowIfNull(trial);
        return LossOf(Settings.Metric, trial.Score);
    }

    /// <summary>The same for any score.</summary>
    internal static string LossOf(SearchMetric metric, SearchScore score) => metric switch
    {
        SearchMetric.Top1 when score.Comparison is { } paired => Text($"top-1 {Points(paired.Difference)} points ({paired.BothRight + paired.OnlySecond} of {paired.Count} images right, in float {paired.BothRight + paired.OnlyFirst}; paired 95% interval {Points(paired.Interval.Low)} to {Points(paired.Interval.High)})"),
        SearchMetric.Agreement => Agreement(score),
        _ => Text($"the outputs' error has {100 * score.Error:0.####}% of their energy ({score.SnrDecibels:0.0} dB)"),
    };

    private static string Agreement(SearchScore score)
    {
        var interval = ConfidenceInterval.Wilson(score.Agreements!.Value, score.Images);
        return Text($"{score.Agreements} of {score.Images} images get the same class as in float ({100.0 * score.Agreements.Value / score.Images:0.0}%; 95% interval {100 * interval.Low:0.0} to {100 * interval.High:0.0}%)");
    }

    /// <summary>What a target is a number of.</summary>
    internal static string UnitOf(SearchMetric metric) => metric switch
    {
        SearchMetric.Top1 => "points of top-1",
        SearchMetric.Agreement => "% of the images with another class",
        _ => "% of the outputs' energy",
    };

    private static string Points(double share) => (100 * share).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
