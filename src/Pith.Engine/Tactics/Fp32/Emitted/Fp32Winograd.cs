using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// Float 3x3 convolution of stride 1 with constant weights by Winograd's transforms, in AVX-512 kernels that are emitted for the layer's sizes and epilogue. Reads padding where it lies: in the border
/// of the input. Its bits differ from those of the plain sum within what <see cref="WinogradPoints"/> states; they do not depend on batch, threads or blocking.
/// </summary>
/// <param name="points">The size of tiles, with the points.</param>
internal sealed class Fp32Winograd(WinogradPoints points) : Tactic<ContractionLayer>
{
    // With fewer the transforms cost what the products save.
    private const int LeastChannels = 24;

    // Measured on one thread: products of 16 channels, transforms of 16 channels of a position (in and out), transformed weights, which come from memory or the last-level cache.
    private const double ProductsPerSecond = 7.4e9, TransformsPerSecond = 0.85e9, WeightBytesPerSecond = 27e9;

    public override string Name => $"fp32-winograd{points.Outputs}-avx512";

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null ? Verdict.No("is for float layers")
        : device.Isa < IsaLevel.Avx512Vnni ? Verdict.No($"needs {IsaLevel.Avx512Vnni}")
        : layer.Weight!.Constant is not Tensor<float> || (layer.Bias is { } bias && bias.Constant is not Tensor<float>) ? Verdict.No("is for constant weights and biases")
        : layer.IsGemm || layer.Groups > 1 || !IsWindow(layer.Window) ? Verdict.No("is for 3x3 windows of stride 1, without groups")
        : Math.Min(layer.Channels, layer.OutChannels) < LeastChannels ? Verdict.No($"has fewer than {LeastChannels} channels")
        : Math.Min(layer.OutputSize.Height, layer.OutputSize.Width) < points.Outputs ? Verdict.No("results are smaller than a tile")
        : layer.IsLiteral ? Verdict.No("is not for simulated quantization, whose sums are exact")
        : !layer.Input.Border.Covers(layer.Window) ? Verdict.No("needs padding in memory")
        : !ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation)) ? Verdict.No($"has no code for {layer.Activation.Kind}")
        : Verdict.Yes;

    // Of one image on one thread, which others share alike: so the choice depends on neither, and neither do the bits.
    protected override double EstimateSeconds(ContractionLayer layer, Device device)
    {
        var (height, width) = layer.OutputSize;
        var tilePositions = (double)EvenParts.Count(height, points.Outputs) * EvenParts.Count(width, points.Outputs) * points.Positions;
        int inVectors = EvenParts.Count(layer.Channels, PanelShape.Lanes), outVectors = EvenParts.Count(layer.OutChannels, PanelShape.Lanes);
        var computing = tilePositions * (layer.Channels * outVectors / ProductsPerSecond + (inVectors + outVectors) / TransformsPerSecond);
        var readingWeights = (double)points.Positions * layer.Channels * outVectors * PanelShape.Lanes * sizeof(float) / WeightBytesPerSecond;
        return Math.Max(computing, readingWeights) / device.Threads;
    }

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Fp32WinogradLayer(layer, points, resources);

    private static bool IsWindow(Window window) => window is { KernelHeight: WinogradPoints.Window, KernelWidth: WinogradPoints.Window, StrideHeight: 1, StrideWidth: 1, DilationHeight: 1, DilationWidth: 1 };
}
