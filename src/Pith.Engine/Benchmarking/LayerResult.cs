namespace Pith.Benchmarking;

/// <summary>One layer of a stage's engine.</summary>
public sealed record LayerResult
{
    /// <summary>The layer's name: that of the node that gave it its kind.</summary>
    public required string Name { get; init; }

    /// <summary>What it computes, e.g. <c>Conv</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>The tactic that runs it.</summary>
    public required string Tactic { get; init; }

    /// <summary>The names of the emitted kernels that it runs; none for kernels that are compiled with Pith.</summary>
    public ValueList<string> Kernels { get; init; } = [];

    /// <summary>The type that it computes on: <c>float32</c>, <c>bfloat16</c>, <c>int8</c> …</summary>
    public required string Precision { get; init; }

    /// <summary>Why the layer runs as plain reference loops; null when a kernel runs it.</summary>
    public string? ReferenceReason { get; init; }

    /// <summary>The strictest pattern of the weights, <c>2:4</c>, <c>16:2:4</c> …, else <c>dense</c>; null for layers without weights.</summary>
    public string? Sparsity { get; init; }

    /// <summary>The share of weights that are zero, 0 to 1; null for layers without weights.</summary>
    public double? ZeroShare { get; init; }

    /// <summary>Multiply-accumulates for one image.</summary>
    public required long Macs { get; init; }

    /// <summary>Bytes of the weights as the engine holds them.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>Median microseconds per run, from profile runs of their own.</summary>
    public required double Microseconds { get; init; }

    /// <summary>The layer's share of the sum over all layers, 0 to 1.</summary>
    public required double TimeShare { get; init; }

    /// <summary>Multiply-accumulates per second at the batch that was profiled; null for layers that are not counted so.</summary>
    public double? MacsPerSecond { get; init; }

    /// <summary>The share of the most that the machine does at this precision with these threads, 0 to 1; null where <see cref="MacsPerSecond"/> is.</summary>
    public double? PeakShare { get; init; }

    /// <summary>The fastest of the other tactics that were timed when the engine was built; null when none was.</summary>
    public string? RunnerUp { get; init; }

    /// <summary>Median microseconds per run of <see cref="RunnerUp"/>, timed alone.</summary>
    public double? RunnerUpMicroseconds { get; init; }

    /// <summary>Anything to know, e.g. why a layer is not sparse; null when there is nothing.</summary>
    public string? Note { get; init; }
}
