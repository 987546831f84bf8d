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

    // Cycles for 16 channels of a position of a tile.
    private const double InputCycles = 2.5, OutputCycles = 3.5;

    // Measured: products of 16 channels in a cycle, and transformed weights, which come from memory or the last-level cache.
    private const double ProductsPerCycle = 1.75, CyclesPerSecond = 3.9e9, WeightBytesPerSecond = 24e9;

    public override string Name => $"fp32-winograd{points.Outputs}-avx512";

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null ? Verdict.No("is for float layers")
        : device.Isa < IsaLevel.Avx512Vnni ? Verdict.No($"needs {IsaLevel.Avx512Vnni}")
        : layer.Weight!.Constant is not Tensor<float> || (layer.Bias is { } bias && bias.Constant is not Tensor<float>) ? Verdict.No("is for constant weights and biases")
        : layer.IsGemm || layer.Groups > 1 || !IsWindow(layer.Window) ? Verdict.No("is for 3x3 windows of stride 1, without groups")
        : Math.Min(layer.Channels, layer.OutChannels) < LeastChannels ? Verdict.No($"has fewer than {LeastChannels} channels")
        : Math.Min(layer.OutputSize.Height, layer.OutputSize.Width) < points.Outputs ? Verdict.No("results are smaller than a tile")
        : !layer.Input.Border.Covers(layer.Window) ? Verdict.No("needs padding in memory")
        : !ActivationFp32Emitter.Has(ActivationFp32Emitter.Simplest(layer.Activation)) ? Verdict.No($"has no code for {layer.Activation.Kind}")
        : Verdict.Yes;

    // Of one image: so the choice does not depend on the batch, and neither do the bits.
    protected override double EstimateSeconds(ContractionLayer layer, Device device)
    {
        var (height, width) = layer.OutputSize;
        var tiles = (double)EvenParts.Count(height, points.Outputs) * EvenParts.Count(width, points.Outputs);
        int inVectors = EvenParts.Count(layer.Channels, PanelShape.Lanes), outVectors = EvenParts.Count(layer.OutChannels, PanelShape.Lanes);
        var cycles = tiles * points.Positions * (layer.Channels * outVectors / ProductsPerCycle + inVectors * InputCycles + outVectors * OutputCycles);
        var weightBytes = (double)points.Positions * layer.Channels * outVectors * PanelShape.Lanes * sizeof(float);
        return Math.Max(cycles / (CyclesPerSecond * device.Threads), weightBytes / WeightBytesPerSecond);
    }

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Fp32WinogradLayer(layer, points, resources);

    private static bool IsWindow(Window window) => window is { KernelHeight: WinogradPoints.Window, KernelWidth: WinogradPoints.Window, StrideHeight: 1, StrideWidth: 1, DilationHeight: 1, DilationWidth: 1 };
}
