using Pith.Benchmarking;


namespace Pith.Compression.Recipes;

/// <summary>One model of a recipe: how it came about, how good, how fast and how large it is.</summary>
public sealed record StageResult
{
    /// <summary>The stage's name.</summary>
    public required string Name { get; init; }

    /// <summary>The step that made it: <c>train</c>, <c>prune</c> …; <c>model</c> for the model that the recipe started from.</summary>
    public required string Step { get; init; }

    /// <summary>The stage that it was made from; null for the start.</summary>
    public string? From { get; init; }

    /// <summary><c>float32</c> or <c>int8</c>.</summary>
    public required string Precision { get; init; }

    /// <summary>True when the weights of some layer are 2:4 sparse.</summary>
    public required bool IsSparse { get; init; }

    /// <summary>The patterns of its sparse layers: <c>2:4</c>, <c>16:2:4</c> …; empty for a dense model.</summary>
    public required IReadOnlyList<string> Patterns { get; init; }

    /// <summary>The model's file.</summary>
    public required string File { get; init; }

    /// <summary>Bytes of that file.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Bytes of all weights as the engine holds them.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Accuracy on the test set, run by the engine.</summary>
    public required EvaluationResult Accuracy { get; init; }

    /// <summary>Against the baseline, image by image; null for the baseline itself.</summary>
    public StageComparison? Comparison { get; init; }

    /// <summary>Latency and throughput, one entry per batch size.</summary>
    public required IReadOnlyList<StageLatency> Latency { get; init; }

    /// <summary>The training run that made it; null when the step does not train.</summary>
    public TrainingSummary? Training { get; init; }

    /// <summary>The engine's layers in execution order, at the first batch size of <see cref="Latency"/>.</summary>
    public required IReadOnlyList<LayerResult> Layers { get; init; }

    /// <summary>What sparsity brings to each of these layers; null for a stage without sparse layers.</summary>
    public EngineExplanation? Explanation { get; init; }

    /// <summary>Seconds that the step took when it ran.</summary>
    public required double StepSeconds { get; init; }

    /// <summary>True when the step had been finished by an earlier run and was kept.</summary>
    public required bool WasKept { get; init; }
}

/// <summary>Two stages on the same images.</summary>
/// <param name="Top1Difference">Top-1 of this stage less that of the baseline, -1 to 1.</param>
/// <param name="Interval">The paired 95% interval of that difference.</param>
/// <param name="Agreement">The share of images that both give the same class, 0 to 1.</param>
public sealed record StageComparison(double Top1Difference, ConfidenceInterval Interval, double Agreement);

/// <summary>Latency at one batch size.</summary>
/// <param name="Timing">The times.</param>
/// <param name="Speedup">The baseline's median over this one's, both measured in turn in one run; 1 for the baseline.</param>
public sealed record StageLatency(BenchmarkResult Timing, double Speedup);
