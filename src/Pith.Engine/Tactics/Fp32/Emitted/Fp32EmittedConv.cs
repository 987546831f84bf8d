using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Float convolution and matrix product with constant weights by AVX-512 kernels that are emitted for the layer's sizes and epilogue.</summary>
internal sealed class Fp32EmittedConv() : EmittedConv(s_family)
{
    private static readonly Fp32Kernels s_family = new();

    public override string Name => $"fp32-{Family.Name}";

    protected override Verdict Accept(ContractionLayer layer, Device device) => Fp32EmittedContraction.Accept(layer, device, layer.IsDepthwise ? "is not for depthwise convolutions" : null);

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => layer.Macs / (115e9 * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var operands = s_family.Operands(layer);
        var parameters = new FloatConvParameters(layer, operands, new PaddedImages(layer, operands), epilogue => new Fp32ConvArithmetic(epilogue), s_family.MayStream, resources);
        return new EmittedConvLayer(layer, resources, s_family, new Fp32Blocking(layer, s_family, resources.MaxBatch).At, operands, parameters, EstimateSeconds(layer, resources.Device));
    }
}
