using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>A tactic for float contractions by emitted AVX-512 kernels.</summary>
internal abstract class Fp32EmittedContraction : Tactic<ContractionLayer>
{
    /// <summary>What a tactic says to a layer when it has no reason of its own to refuse it.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="device">The machine.</param>
    /// <param name="packsAtRun">Whether weights and biases may be computed: they are packed at each run.</param>
    /// <param name="refusal">The tactic's own reason.</param>
    public static Verdict Accept(ContractionLayer layer, Device device, bool packsAtRun, string? refusal) =>
        layer.Int8 is not null ? Verdict.NotFor("float layers")
        : device.Features.Lack(CpuFeatures.Avx512) is { } missing ? Verdict.No(missing)
        : !layer.HasConstantWeights && !packsAtRun ? Verdict.NotFor("constant weights and biases")
        : refusal is not null ? Verdict.No(refusal)
        : !ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation)) ? Verdict.No($"has no code for {layer.Activation.Kind}")
        : Verdict.Yes;

    protected sealed override Verdict Accept(ContractionLayer layer, Device device) => Accept(layer, device, PacksAtRun, Refuses(layer));

    /// <summary>Whether weights and biases may be computed.</summary>
    protected virtual bool PacksAtRun => false;

    /// <summary>Why the tactic cannot run a float layer; null when it can.</summary>
    protected abstract string? Refuses(ContractionLayer layer);
}
