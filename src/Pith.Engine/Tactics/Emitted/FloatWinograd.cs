using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>
/// Float 3x3 convolution of stride 1 by Winograd's transforms, in AVX-512 kernels that are emitted for the layer's sizes and epilogue. Reads padding where it lies: in the border
/// of the input. Its bits differ from those of the plain sum within what <see cref="WinogradPoints"/> states; they do not depend on batch, threads or blocking.
/// </summary>
/// <param name="points">The size of tiles, with the points.</param>
/// <param name="products">What transformed images and weights are rounded to.</param>
internal sealed class FloatWinograd(WinogradPoints points, FloatProducts products) : Tactic<ContractionLayer>
{
    // With fewer the transforms cost what the products save.
    private const int LeastChannels = 24;

    // Measured on one thread: products of 16 channels, transforms of 16 channels of a position (in and out), transformed weights, which come from memory or the last-level cache.
    private const double ProductsPerSecond = 7.4e9, TransformsPerSecond = 0.85e9, WeightBytesPerSecond = 27e9;

    public override string Name { get; } = $"{products.Name}-winograd{points.Outputs}-{products.Family.Name}";

    public override string Precision(Layer layer) => products.Precision;

    private bool Rounds => products.Bytes < sizeof(float);

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        !Rounds || layer.Int8 is not null ? Fp32EmittedContraction.Accept(layer, device, packsAtRun: true, Refuses(layer))
        : !layer.AllowsBf16 ? Verdict.No("BF16 was not asked for")
        : layer.HasConstantWeights ? Verdict.NotFor("computed weights and biases")
        : (device.Features.Lack(products.Needs) ?? products.SurpassedOn(device)) is { } missing ? Verdict.No(missing)
        : Fp32EmittedContraction.Accept(layer, device, packsAtRun: true, layer.Channels % products.Step != 0 ? $"needs a multiple of {products.Step} channels" : Refuses(layer));

    private string? Refuses(ContractionLayer layer) =>
        layer.IsGemm || layer.Groups > 1 || !IsWindow(layer.Window) ? "is for 3x3 windows of stride 1, without groups"
        : Math.Min(layer.Channels, layer.OutChannels) < LeastChannels ? $"has fewer than {LeastChannels} channels"
        : Math.Min(layer.OutputSize.Height, layer.OutputSize.Width) < points.Outputs ? "results are smaller than a tile"
        : layer.IsLiteral ? "is not for simulated quantization, whose sums are exact"
        : layer.HasConstantWeights && !layer.Input.Border.Covers(layer.Window) ? "needs padding in memory"
        : null;

    // Of one image on one thread, which others share alike: so the choice depends on neither, and neither do the bits.
    protected override double EstimateSeconds(ContractionLayer layer, Device device)
    {
        var (height, width) = layer.OutputSize;
        var tilePositions = (double)EvenParts.Count(height, points.Outputs) * EvenParts.Count(width, points.Outputs) * points.Positions;
        int inVectors = EvenParts.Count(layer.Channels, PanelShape.Lanes), outVectors = EvenParts.Count(layer.OutChannels, PanelShape.Lanes);
        var computing = tilePositions * (layer.Channels * outVectors / (ProductsPerSecond * products.Step) + (inVectors + outVectors) / TransformsPerSecond);
        // Computed weights (training) come with large batches. The choice among all tactics must not depend on the number of threads then.
        if (!layer.HasConstantWeights) return computing;
        var readingWeights = (double)points.Positions * layer.Channels * outVectors * PanelShape.Lanes * sizeof(float) / WeightBytesPerSecond;
        return Math.Max(computing, readingWeights) / device.Threads;
    }

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new FloatWinogradLayer(layer, points, products, resources);

    private static bool IsWindow(Window window) => window is { KernelHeight: WinogradPoints.Window, KernelWidth: WinogradPoints.Window, StrideHeight: 1, StrideWidth: 1, DilationHeight: 1, DilationWidth: 1 };
}
