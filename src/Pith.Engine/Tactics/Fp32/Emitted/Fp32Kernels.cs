using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>Products of floats in AVX-512 registers: the kernels of <see cref="VnniKernels"/> with VFMADD231PS.</summary>
internal sealed class Fp32Kernels : VnniKernels
{
    // Zen 4 and 5, Golden Cove: two multiply-adds and two loads in a cycle, results after four.
    private const double PerCycle = 2, Latency = 4;

    // What an epilogue of a vector costs, in multiply-adds.
    private const double EpilogueCost = 6;

    // Weights of a panel that is larger than most of the first-level cache come from the second, a line in this many cycles beside the products; those of a panel of which that cache does not hold two,
    // from further away.
    private const double CloseLineCycles = 0.6, FarLineCycles = 2.4;
    private const int FirstLevelBytes = 32 << 10, HalfSecondLevelBytes = 400 << 10;

    // The first-level cache holds this many lines, and some weights, of which the addresses differ by multiples of its way size.
    private const int Ways = 10, WayBytes = 4096;

    // Weights of smaller panels come fast enough.
    private const int FetchedBytes = 64 << 10;

    // The next panel is there after this many blocks.
    private const int FetchingBlocks = 8;

    public override string Name => "avx512";

    public override CpuFeatures Needs => CpuFeatures.Avx512;

    public override IReadOnlyList<int> PanelVectors => [1, 2, 3, 4, 5, 6];

    // That of Fp32Conv.
    public override PeakLoop? PeakLoop => null;

    // Of the second-level cache, beside a panel.
    public override int CloseBytes => 320 << 10;

    public override ConvOperands Operands(ContractionLayer layer) => ConvOperands.OfFp32(layer);

    // A line is a product for each pixel, where others have four or two: the processor is in time.
    public override int FetchAhead(nint panelBytes) => 0;

    // A panel that meets one block is one stream of memory, which the processor fetches by itself: fetching a whole panel ahead of it would push out what comes next (4096 x 4096 at batch 1 takes 2.1 ms
    // then, instead of 1.15).
    public override int FetchSteps(PanelShape panel, ReductionShape reduction, int blocks) => WeightBytes(panel, reduction) < FetchedBytes || blocks == 1 ? 0 : FetchSteps(panel, blocks);

    /// <summary>See <see cref="ConvKernelSpec.FetchSteps"/>, for panels that do not stay in the caches.</summary>
    public static int FetchSteps(PanelShape panel, int blocks) => Math.Max(1, Math.Min(FetchingBlocks, blocks) / panel.Vectors);

    // Pixels whose distance has a large power of two as a factor fall into few sets of the first-level cache: more of them at once than it has ways would miss at every step.
    protected override int LargestBlock(PixelBlock image, int vectors, int temporaries) =>
        Math.Min(ConvVnniEmitter.LargestBlock(vectors, temporaries, commutes: true), Ways * (WayBytes / Math.Min(WayBytes, image.InputColumn & -image.InputColumn)));

    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction)
    {
        var (steps, products, loads) = (reduction.Runs * reduction.RunBytes / sizeof(float), block.Pixels * vectors, block.Pixels + vectors);
        var panelBytes = (long)steps * vectors * PanelShape.Lanes * sizeof(float);
        var fetched = vectors * panelBytes switch { > HalfSecondLevelBytes => FarLineCycles, > FirstLevelBytes => CloseLineCycles, _ => 0 };
        var step = Math.Max(Math.Max(products, loads + 1) / PerCycle, Latency) + fetched;
        return steps * step + products * EpilogueCost / PerCycle;
    }
}
