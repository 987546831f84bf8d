using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Float convolution and matrix product by AVX-512 kernels that are emitted for the layer's sizes and epilogue. Computed weights (training) are packed at each run.</summary>
internal sealed class Fp32EmittedConv() : EmittedConv(s_family)
{
    // To be compared with Fp32Cost.
    private const double ComputedMacsPerSecond = 52e9, CopiedBytesPerSecond = 6e9;

    private static readonly Fp32Kernels s_family = new();

    public override string Name => $"fp32-{Family.Name}";

    protected override Verdict Accept(ContractionLayer layer, Device device) => Fp32EmittedContraction.Accept(layer, device, packsAtRun: true, layer.IsDepthwise ? "is not for depthwise convolutions" : null);

    // Where weights are computed, sums must not depend on the number of threads, so the choice does not. It is made among loops in C# that pad what they read on the way, and those are as fast where the images have to be copied.
    protected override double EstimateSeconds(ContractionLayer layer, Device device) =>
        layer.HasConstantWeights ? layer.Macs / (115e9 * device.Threads) : layer.Macs / ComputedMacsPerSecond + (ConvOperands.OfFp32(layer) is { NeedsCopy: true } copied ? layer.Images(1) * (double)copied.ImageBytes / CopiedBytesPerSecond : 0);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var operands = s_family.Operands(layer);
        var parameters = new FloatConvParameters(layer, operands, new PaddedImages(layer, operands), epilogue => new Fp32ConvArithmetic(epilogue), s_family, resources);
        return new EmittedConvLayer(layer, resources, s_family, new FloatBlocking(layer, s_family, resources.MaxBatch).At, [(operands, parameters)], EstimateSeconds(layer, resources.Device));
    }
}
