using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Float convolution and matrix product with constant weights by AVX-512 kernels that are emitted for the layer's sizes and epilogue.</summary>
internal sealed class Fp32EmittedConv : Tactic<ContractionLayer>
{
    public override string Name => "fp32-avx512";

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null ? Verdict.No("is for float layers")
        : device.Isa < IsaLevel.Avx512Vnni ? Verdict.No($"needs {IsaLevel.Avx512Vnni}")
        : !layer.HasConstantWeights ? Verdict.No("is for constant weights and biases")
        : layer.IsDepthwise ? Verdict.No("is not for depthwise convolutions")
        : !ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation)) ? Verdict.No($"has no code for {layer.Activation.Kind}")
        : Verdict.Yes;

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => layer.Macs / (115e9 * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Fp32EmittedConvLayer(layer, resources, EstimateSeconds(layer, resources.Device));
}
