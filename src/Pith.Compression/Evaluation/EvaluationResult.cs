using System.Text.Json.Serialization;

namespace Pith.Compression.Evaluation;

/// <summary>How well a network classifies a dataset; each image counted once. In JSON <c>correct</c>, <c>correct5</c>, <c>count</c>, <c>top1</c>, <c>top5</c>, <c>non_finite</c>, <c>images_per_second</c> and <c>seconds</c>.</summary>
/// <param name="Accuracy">The counts, and what was predicted for each image in the order of the dataset.</param>
/// <param name="Seconds">Wall-clock seconds, loading included.</param>
public sealed record EvaluationResult([property: JsonIgnore] TopKAccuracy Accuracy, double Seconds)
{
    /// <summary>Images whose best output is their class.</summary>
    public int Correct => Accuracy.Top1Correct;

    /// <summary>Images whose class is among the five best outputs.</summary>
    public int Correct5 => Accuracy.Top5Correct;

    /// <summary>Images in all.</summary>
    public int Count => Accuracy.Count;

    /// <summary><see cref="Correct"/> as a share, 0 to 1.</summary>
    public double Top1 => Accuracy.Top1;

    /// <summary><see cref="Correct5"/> as a share, 0 to 1.</summary>
    public double Top5 => Accuracy.Top5;

    /// <summary>Images with at least one output that is NaN or infinite.</summary>
    public int NonFinite => Accuracy.NonFinite;

    /// <summary>The 95% interval of <see cref="Top1"/> for a sample of this size (Wilson).</summary>
    public ConfidenceInterval Top1Interval => ConfidenceInterval.Wilson(Correct, Count);

    /// <summary>Images per second, loading included.</summary>
    public double ImagesPerSecond => Count / Seconds;
}
