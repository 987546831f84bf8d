using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>A tactic for float contractions with constant weights by emitted AVX-512 kernels.</summary>
internal abstract class Fp32EmittedContraction : Tactic<ContractionLayer>
{
    /// <summary>What a tactic says to a layer that has constant weights and biases when it has no reason of its own to refuse it.</summary>
    public static Verdict Accept(ContractionLayer layer, Device device, string? refusal) =>
        layer.Int8 is not null ? Verdict.NotFor("float layers")
        : device.Features.Lack(CpuFeatures.Avx512) is { } missing ? Verdict.No(missing)
        : !layer.HasConstantWeights ? Verdict.NotFor("constant weights and biases")
        : refusal is not null ? Verdict.No(refusal)
        : !ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation)) ? Verdict.No($"has no code for {layer.Activation.Kind}")
        : Verdict.Yes;

    protected sealed override Verdict Accept(ContractionLayer layer, Device device) => Accept(layer, device, Refuses(layer));

    /// <summary>Why the tactic cannot run a layer that has constant weights and biases; null when it can.</summary>
    protected abstract string? Refuses(ContractionLayer layer);
}
