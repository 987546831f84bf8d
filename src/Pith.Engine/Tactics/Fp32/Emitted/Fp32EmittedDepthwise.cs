using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Float depthwise convolution with constant weights by AVX-512 kernels that are emitted for the layer's sizes and epilogue. Reads padding where it lies: in the border of the input.</summary>
internal sealed class Fp32EmittedDepthwise : Tactic<ContractionLayer>
{
    // Larger windows need more registers and code than there should be.
    private const int MostTaps = 49, MostColumns = 7;

    public override string Name => "fp32-depthwise-avx512";

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null ? Verdict.No("is for float layers")
        : device.Isa < IsaLevel.Avx512Vnni ? Verdict.No($"needs {IsaLevel.Avx512Vnni}")
        : layer.IsGemm || !layer.IsDepthwise ? Verdict.No("is for depthwise convolutions")
        : layer.Weight!.Constant is not Tensor<float> || (layer.Bias is { } bias && bias.Constant is not Tensor<float>) ? Verdict.No("is for constant weights and biases")
        : layer.Window.Taps is 1 or > MostTaps || layer.Window.KernelWidth > MostColumns ? Verdict.No($"is for windows of 2 to {MostTaps} taps, at most {MostColumns} in a row")
        : !layer.Input.Border.Covers(layer.Window) ? Verdict.No("needs padding in memory")
        : !ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation)) ? Verdict.No($"has no code for {layer.Activation.Kind}")
        : Verdict.Yes;

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => layer.Macs / (40e9 * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Fp32EmittedDepthwiseLayer(layer, resources, EstimateSeconds(layer, resources.Device));
}
