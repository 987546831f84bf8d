namespace Pith;

/// <summary>One layer of a built engine, for reports.</summary>
public sealed record LayerInfo
{
    /// <summary>The name: that of the node that does the work, e.g. of the convolution.</summary>
    public required string Name { get; init; }

    /// <summary>What the layer is: shapes, types, epilogue.</summary>
    public required LayerSpec Spec { get; init; }

    /// <summary>The names of the graph's nodes that the layer replaces.</summary>
    public required ValueList<string> Nodes { get; init; }

    /// <summary>What the layer reads at a run; constants are not among it.</summary>
    public ValueList<LayerOperand> Operands { get; init; } = [];

    /// <summary>The names of the values that the layer writes; those that are values of the graph can be observed without changing what is fused.</summary>
    public required ValueList<string> Outputs { get; init; }

    /// <summary>The tactic that runs it.</summary>
    public required string Tactic { get; init; }

    /// <summary>The names of the emitted kernels that the layer runs, as <c>perf</c> shows them; none for kernels that are compiled with Pith.</summary>
    public ValueList<string> Kernels { get; init; } = [];

    /// <summary>Why the layer runs as plain reference loops, which are far slower than a kernel; null when a kernel runs it.</summary>
    public string? ReferenceReason { get; init; }

    /// <summary>The type that the layer computes on: <c>int8</c>, <c>float32</c>, <c>bfloat16</c> (operands of the products; sums and results are float32) …</summary>
    public required string Precision { get; init; }

    /// <summary>Every tactic that was considered, in catalog order, with the reason or time. Of a layer whose tactic a plan states, the others are asked when this is read.</summary>
    public ValueList<TacticVerdict> Verdicts
    {
        get => DeferredVerdicts.Value;
        init => DeferredVerdicts = new(() => value);
    }

    internal Deferred<ValueList<TacticVerdict>> DeferredVerdicts { get; init; } = new(() => []);

    /// <summary>Multiply-accumulates of one run at batch 1; 0 for layers that are not counted so.</summary>
    public required long Macs { get; init; }

    /// <summary>Bytes of weights and other constants, in the portable form.</summary>
    public required long WeightBytes { get; init; }

    /// <summary>The share of weights that are zero, 0 to 1; null for layers without weights (the constants of other ops are none).</summary>
    public required double? WeightSparsity { get; init; }
}

/// <summary>A value that a layer reads.</summary>
/// <param name="Name">The value's name.</param>
/// <param name="Type">Element type, shape and layout in memory, e.g. <c>s8[N,64,56,56]/nhwc</c>.</param>
/// <param name="Layer">The position of the layer that computes it among the engine's layers; -1 for an input of the network.</param>
public readonly record struct LayerOperand(string Name, string Type, int Layer);

/// <summary>What became of one tactic for one layer.</summary>
/// <param name="Tactic">The tactic's name.</param>
/// <param name="Accepted">Whether it can run the layer.</param>
/// <param name="Reason">Why not, or why it was or was not chosen.</param>
/// <param name="Seconds">The measured time of one run at the largest batch; null when it was not timed.</param>
/// <param name="WeightForm">The form of the weights that it reads: <see cref="Dense"/>, <c>2:4</c>, <c>16:2:4</c> …</param>
public sealed record TacticVerdict(string Tactic, bool Accepted, string Reason, double? Seconds, string WeightForm)
{
    /// <summary>Weights with all their zeros.</summary>
    public const string Dense = "dense";
}

/// <summary>The time that one layer took in a profiled run.</summary>
/// <param name="Layer">The layer's name.</param>
/// <param name="Seconds">Wall-clock time.</param>
public readonly record struct LayerTime(string Layer, double Seconds);
