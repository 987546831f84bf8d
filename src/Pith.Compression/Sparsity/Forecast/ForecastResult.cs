using Pith.Benchmarking;

namespace Pith.Compression.Sparsity;

/// <summary>What the whole network shows with one pattern in every eligible layer.</summary>
public sealed record PatternForecast
{
    /// <summary>The pattern: <c>2:4</c>, <c>16:2:4</c> …</summary>
    public required string Pattern { get; init; }

    /// <summary>Median milliseconds of a run.</summary>
    public required double MedianMs { get; init; }

    /// <summary>Median milliseconds of the dense network, timed in turn with it.</summary>
    public required double DenseMedianMs { get; init; }

    /// <summary>How many times as fast as the dense network.</summary>
    public required double Speedup { get; init; }

    /// <summary>A quarter of the rounds gave a smaller speed-up.</summary>
    public required double LowerQuartile { get; init; }

    /// <summary>A quarter of the rounds gave a larger one.</summary>
    public required double UpperQuartile { get; init; }

    /// <summary>Bytes of the packed weights in memory.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Bytes of the plan's file.</summary>
    public required long PlanBytes { get; init; }
}

/// <summary>One layer with a weight in every form that was timed.</summary>
/// <param name="Name">The layer's name.</param>
/// <param name="Spec">What it is.</param>
/// <param name="WhyDense">Why it stays dense whatever the pattern; null when it takes the patterns.</param>
/// <param name="DenseMicroseconds">Median microseconds in the dense network, from a profile.</param>
/// <param name="Times">Its times in the networks with patterns.</param>
public sealed record ForecastLayer(string Name, string Spec, string? WhyDense, double DenseMicroseconds, IReadOnlyList<ForecastLayerTime> Times);

/// <summary>A layer in the network with one pattern.</summary>
/// <param name="Pattern">The pattern.</param>
/// <param name="Microseconds">Median microseconds in that network, from a profile.</param>
/// <param name="WeightForm">The form of weights that the chosen kernel reads.</param>
/// <param name="Tactic">The chosen kernel.</param>
public sealed record ForecastLayerTime(string Pattern, double Microseconds, string WeightForm, string Tactic);

/// <summary>What sparsity would bring, before any training.</summary>
public sealed record ForecastResult
{
    /// <summary>The batch that was timed.</summary>
    public required int Batch { get; init; }

    /// <summary>Threads of a run.</summary>
    public required int Threads { get; init; }

    /// <summary>True when the network came in floats and was quantized with ranges that nobody measured: right for speed, useless for results.</summary>
    public required bool WasQuantizedForThis { get; init; }

    /// <summary>Median milliseconds of the dense INT8 network.</summary>
    public required double DenseMedianMs { get; init; }

    /// <summary>Bytes of its packed weights in memory.</summary>
    public required long DenseWeightBytes { get; init; }

    /// <summary>Bytes of its plan's file.</summary>
    public required long DensePlanBytes { get; init; }

    /// <summary>Layers with weights that take the patterns.</summary>
    public required int EligibleLayers { get; init; }

    /// <summary>The patterns, from the freest to the strictest.</summary>
    public required IReadOnlyList<PatternForecast> Patterns { get; init; }

    /// <summary>The layers with weights in execution order.</summary>
    public required IReadOnlyList<ForecastLayer> Layers { get; init; }

    /// <summary>The speed-up that was wanted; null for none.</summary>
    public double? TargetSpeedup { get; init; }

    /// <summary>The freest pattern that reaches it; without a target the freest that comes within 5% of the best speed-up. Null when none does, or when nothing gains.</summary>
    public required string? Cheapest { get; init; }

    /// <summary>The conclusions, one sentence each, for people.</summary>
    public required IReadOnlyList<string> Verdict { get; init; }
}
