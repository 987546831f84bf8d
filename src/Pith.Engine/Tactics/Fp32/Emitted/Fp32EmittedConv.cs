using Pith.Building;

namespace Pith.Tactics;

/// <summary>Float convolution and matrix product with constant weights by AVX-512 kernels that are emitted for the layer's sizes and epilogue.</summary>
internal sealed class Fp32EmittedConv : Fp32EmittedContraction
{
    public override string Name => "fp32-avx512";

    protected override string? Refuses(ContractionLayer layer) => layer.IsDepthwise ? "is not for depthwise convolutions" : null;

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => layer.Macs / (115e9 * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Fp32EmittedConvLayer(layer, resources, EstimateSeconds(layer, resources.Device));
}
