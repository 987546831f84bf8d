namespace Pith.Compression.Quantization;

/// <summary>What a search counts as a loss against the float network; all in percent, 0 for the float network itself.</summary>
public enum SearchMetric
{
    /// <summary>Points of top-1 accuracy; needs labels.</summary>
    Top1,

    /// <summary>The share of images that get another class than in float.</summary>
    Agreement,

    /// <summary>The energy of the outputs' error relative to that of the outputs: 1% is a signal-to-noise ratio of 20 dB, 0.1% one of 30 dB.</summary>
    Snr,
}

/// <summary>How much accuracy quantization may cost; in JSON in snake_case, side by side with <see cref="QuantizationSettings"/>. Immutable, value-equal.</summary>
public sealed record SearchSettings
{
    private const double DefaultLeastInt8 = 0.5;

    /// <summary>The most that <see cref="Metric"/> may lose, in percent (points of accuracy); layers are moved to float until that holds. Null: every layer is quantized, whatever it costs.</summary>
    public double? MaxDrop { get; init; }

    /// <summary>What may not be lost.</summary>
    public SearchMetric Metric { get; init; }

    /// <summary>The share of the network's multiply-accumulates that stays in INT8 in any case, 0 to 1: a target that needs more in float is not reached.</summary>
    public double LeastInt8 { get; init; } = DefaultLeastInt8;

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range, or says how to search where there is no target; the message names it as in JSON.</exception>
    public void Check()
    {
        if (MaxDrop is { } drop) FieldRange.Require("max_drop", drop, 0, 100);
        else if (Metric != SearchMetric.Top1 || LeastInt8 != DefaultLeastInt8) throw new PithException($"'{(Metric != SearchMetric.Top1 ? "metric" : "least_int8")}' is for a search, which 'max_drop' asks for; there is no 'max_drop'.");
        FieldRange.Require("least_int8", LeastInt8, 0, 1);
    }
}
