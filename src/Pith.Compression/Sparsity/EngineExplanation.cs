using Pith.Benchmarking;

namespace Pith.Compression.Sparsity;

/// <summary>
/// What 2:4 sparsity brings to an engine, layer by layer: what each weight is, how fast each form of kernels was when the engine was built, and what was chosen. Times of kernels are those that the engine was
/// built with (a plan keeps them); times in the network come from a profile. Immutable.
/// </summary>
public sealed record EngineExplanation
{
    /// <summary>The batch that all times are for.</summary>
    public required int Batch { get; init; }

    /// <summary>Threads of a run.</summary>
    public required int Threads { get; init; }

    /// <summary>The sum of all layers as they run, in microseconds.</summary>
    public required double Microseconds { get; init; }

    /// <summary>The same if every layer ran its fastest dense kernel: the layers that run another one, scaled by the two kernels' times.</summary>
    public required double DenseMicroseconds { get; init; }

    /// <summary>How many times as fast the network is as it would be with dense kernels only.</summary>
    public double Speedup => Microseconds > 0 ? DenseMicroseconds / Microseconds : 1;

    /// <summary>Layers whose weight could hold 2:4.</summary>
    public int EligibleLayers => Layers.Count(layer => layer.IsEligible == true);

    /// <summary>Layers whose weight holds 2:4.</summary>
    public int SparseLayers => Layers.Count(layer => layer.Pattern is not null);

    /// <summary>Layers that run a kernel for sparse weights.</summary>
    public int LayersWithSparseKernels => Layers.Count(layer => layer.WeightForm != TacticVerdict.Dense);

    /// <summary>Whether kernels were compared by timing when the engine was built; else they were chosen by estimate.</summary>
    public bool IsTimed => Layers.Any(layer => layer.Kernels.Any(kernel => kernel.Microseconds is not null));

    /// <summary>The engine's layers in execution order.</summary>
    public required IReadOnlyList<ExplainedLayer> Layers { get; init; }

    /// <summary>Explains an engine.</summary>
    /// <param name="engine">The engine.</param>
    /// <param name="profile">A profile of it, see <see cref="LayerProfile"/>.</param>
    /// <param name="threads">Threads of that profile.</param>
    public static EngineExplanation Of(Engine engine, IReadOnlyList<LayerResult> profile, int threads)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(profile);
        var weights = engine.ToGraph().Nodes.Select(WeightOperand.Of).OfType<WeightOperand>().ToDictionary(weight => weight.Node.Name, StringComparer.Ordinal);
        ExplainedLayer[] layers = [.. engine.Layers.Select((layer, i) => ExplainedLayer.Of(layer, weights.GetValueOrDefault(layer.Name), profile[i]))];
        return new EngineExplanation
        {
            Batch = engine.MaxBatch,
            Threads = threads,
            Microseconds = layers.Sum(layer => layer.Microseconds),
            DenseMicroseconds = layers.Sum(layer => layer.IfDenseMicroseconds),
            Layers = layers,
        };
    }
}
