using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>AVX-512 VNNI on weights of which V neighbouring output channels share a 2:4 pattern; see <see cref="ConvSharedVnniEmitter"/>. Stricter patterns are such weights, too.</summary>
/// <param name="shared">V: 8, 16 or 32.</param>
internal sealed unsafe class SharedVnniKernels(int shared) : VnniKernels
{
    // Vectors of sums of a block, so that registers are left for weights, a broadcast and what is gathered.
    private const int MostSums = 28;

    public override string Name { get; } = $"shared{shared}-avx512vnni";

    public override string WeightForm => $"{shared}:2:4";

    public override IReadOnlyList<int> PanelVectors => [SharedSums.PanelVectors(shared)];

    public override int Shared => shared;

    public override bool HasFullPanels => true;

    public override string? Refuses(ContractionLayer layer) => Refuses(layer, shared, Operands(layer), SharedWeights.VectorBytes);

    /// <summary>Why kernels for V:2:4 do not take a layer, or null.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="shared">V.</param>
    /// <param name="operands">Its operands as the kernels see them.</param>
    /// <param name="vectorBytes">Bytes of the kernels' vectors.</param>
    public static string? Refuses(ContractionLayer layer, int shared, ConvOperands operands, int vectorBytes) =>
        (layer.Int8!.Pattern(layer.Groups)?.Channels ?? 0) < shared ? $"the weights are not {shared}:2:4"
        : operands.Groups != layer.Groups ? "groups of few channels are computed together"
        : !SharedBlocks.Takes(operands.Reduction.RunBytes, vectorBytes) ? $"runs of {operands.Reduction.RunBytes} bytes are not a multiple of 16"
        : null;

    protected override int LargestBlock(PixelBlock image, int vectors, int temporaries)
    {
        var sums = vectors * SharedSums.Partials(shared);
        return Math.Min(MostSums / sums, ConvVnniEmitter.LargestBlock(sums, temporaries));
    }

    // Half of the dense products; a load, a shuffle and a store for each pixel and block; then the permutation and the epilogue.
    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction)
    {
        double bytes = reduction.Runs * reduction.RunBytes, products = block.Pixels * vectors, partials = SharedSums.Partials(shared);
        return bytes / 8 * Math.Max(products, block.Pixels / partials + vectors) / 2 + bytes / 64 * block.Pixels + (6 + partials) * products + 40;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => new SharedWeights(panel with { Shared = shared }, reduction).Bytes;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed) => new SharedWeights(panel, reduction).Pack(rows, rowBytes, packed);

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvSharedVnniEmitter(spec);
}
