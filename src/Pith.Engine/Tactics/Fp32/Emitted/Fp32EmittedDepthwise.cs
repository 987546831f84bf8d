using Pith.Building;

namespace Pith.Tactics;

/// <summary>Float depthwise convolution with constant weights by AVX-512 kernels that are emitted for the layer's sizes and epilogue. Reads padding where it lies, in the border of the input, or else from a copy of the images.</summary>
internal sealed class Fp32EmittedDepthwise : Fp32EmittedContraction
{
    // Larger windows need more registers and code than there should be.
    private const int MostTaps = 49, MostColumns = 7;

    public override string Name => "fp32-depthwise-avx512";

    protected override string? Refuses(ContractionLayer layer) =>
        layer.IsGemm || !layer.IsDepthwise ? "is for depthwise convolutions"
        : layer.TurnsWeights ? "is not for gradients"
        : layer.Window.Taps is 1 or > MostTaps || layer.Window.KernelWidth > MostColumns ? $"is for windows of 2 to {MostTaps} taps, at most {MostColumns} in a row"
        : null;

    // Faster than the loops in C# with any number of threads: which of both is chosen, and so the order of a sum, must not depend on that.
    protected override double EstimateSeconds(ContractionLayer layer, Device device) => layer.Macs / (60e9 * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Fp32EmittedDepthwiseLayer(layer, resources, EstimateSeconds(layer, resources.Device));
}
