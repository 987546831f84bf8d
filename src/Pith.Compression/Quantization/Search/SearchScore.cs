using System.Text.Json.Serialization;

namespace Pith.Compression.Quantization;

/// <summary>How a changed network does on images, compared with the float network on the same images.</summary>
/// <param name="Images">The number of images.</param>
/// <param name="Error">The energy of the outputs' error over that of the outputs; infinite when an output is not finite.</param>
/// <param name="Comparison">Image by image, the float network first; null without labels.</param>
/// <param name="Agreements">Images that get the same class as in float; null when the network is not a classifier.</param>
public sealed record SearchScore(int Images, double Error, PairedComparison? Comparison, int? Agreements)
{
    /// <summary>Of nothing: before a measurement.</summary>
    internal static SearchScore None { get; } = new(0, 0, null, null);

    /// <summary>The signal-to-noise ratio of the outputs in decibels; infinite for equal outputs.</summary>
    [JsonIgnore]
    public double SnrDecibels => -10 * Math.Log10(Error);

    /// <summary>What is lost against the float network, in percent; negative where the changed network is better.</summary>
    /// <exception cref="PithException">That was not measured: there are no labels, or the network is not a classifier.</exception>
    public double Loss(SearchMetric metric) => metric switch
    {
        SearchMetric.Top1 => 0 - 100 * (Comparison ?? throw new PithException("Top-1 needs labelled images. Take metric agreement or snr, or labelled images.")).Difference,
        SearchMetric.Agreement => 100 * (1 - (double)(Agreements ?? throw new PithException("Agreement is that of classes, and the network is not a classifier. Take metric snr.")) / Images),
        _ => 100 * Error,
    };
}
