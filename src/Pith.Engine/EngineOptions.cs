namespace Pith;

/// <summary>How <see cref="EngineBuilder"/> turns a graph into an <see cref="Engine"/>.</summary>
public sealed record EngineOptions
{
    /// <summary>The largest batch. Every symbolic leading dimension of the graph's inputs is bound to it; a run takes 1 to this many.</summary>
    public int MaxBatch { get; init; } = 1;

    /// <summary>The smallest batch that a run may have. Together with the others it says what the engine is for; results do not depend on it.</summary>
    public int MinBatch { get; init; } = 1;

    /// <summary>The batch that tactics are timed for; 0 means the largest.</summary>
    public int OptBatch { get; init; }

    /// <summary>Threads of a context unless it is created with another number, at most 1024; 0 means one per processor. Results do not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Runs every layer with its reference tactic: slow plain loops, the oracle that fast kernels are compared with.</summary>
    public bool ReferenceOnly { get; init; }

    /// <summary>Runs QuantizeLinear and DequantizeLinear as written, with floating point between them, instead of fusing them into INT8 layers: the simulator.</summary>
    public bool Literal { get; init; }

    /// <summary>
    /// Lets float convolutions and matrix products with constant weights round their operands to bfloat16 (8 significant bits, to nearest, ties to even) and sum the products in 32-bit floats, where the
    /// CPU has instructions for it (AVX512-BF16, AMX-BF16) and that is expected or timed to be faster. Everything else stays as it is. Results differ from those in FP32 by about 2^-9 of the products, and
    /// from CPU to CPU in the last bits; on one machine they do not depend on batch and threads.
    /// </summary>
    public bool Bf16 { get; init; }

    /// <summary>Names of values that must exist, so that an <see cref="IValueObserver"/> sees them; nothing is fused across them.</summary>
    public IReadOnlyCollection<string> Observed { get; init; } = [];

    /// <summary>Timings of earlier builds; read and added to.</summary>
    public TimingCache? TimingCache { get; init; }

    /// <summary>How long tactics may be measured; layers that come later are chosen by estimate. Null for as long as it takes.</summary>
    public TimeSpan? TuningBudget { get; init; }

    /// <summary>True to choose between tactics by running them; false to choose by estimate, which gives the same engine every time.</summary>
    public bool TimeTactics { get; init; } = true;

    /// <summary>What the backward pass of a training graph, whose first output is the loss, computes again; null for a graph without one.</summary>
    internal RecomputeMode? Recompute { get; init; }
}
