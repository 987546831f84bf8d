using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>AVX-512 VNNI; see <see cref="ConvVnniEmitter"/>.</summary>
internal unsafe class VnniKernels : ConvKernelFamily
{
    private static readonly PeakLoop s_peak = PeakEmitter.Loop("int8", new Int8ConvArithmetic(default), null);

    public override string Name => "avx512vnni";

    public override IReadOnlyList<int> PanelVectors => [2, 4, 3, 1];

    public override PeakLoop? PeakLoop => s_peak;

    public override CpuFeatures Needs => CpuFeatures.Avx512 | CpuFeatures.Avx512Vnni;

    // The fewest blocks that fit the registers, all of one size: parts of a row, or several whole rows.
    public override PixelBlock Block(PixelBlock image, int vectors, int temporaries)
    {
        var most = LargestBlock(image, vectors, temporaries);
        return image.Columns >= most
            ? image with { Rows = 1, Columns = EvenParts.Length(image.Columns, most) }
            : image with { Rows = EvenParts.Length(image.Rows, Math.Min(image.Rows, most / image.Columns)) };
    }

    /// <summary>The most pixels of a block.</summary>
    protected virtual int LargestBlock(PixelBlock image, int vectors, int temporaries) => ConvVnniEmitter.LargestBlock(vectors, temporaries);

    // About as far as the second level is away.
    public override int FetchAhead(nint panelBytes) => 2 << 10;

    // One line for each of a step's vectors, shared out over the blocks.
    public override int FetchSteps(PanelShape panel, ReductionShape reduction, int blocks) => Math.Max(1, blocks / panel.Vectors);

    // Two products or two loads a cycle, then the epilogue.
    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / ConvVnniEmitter.StepBytes), products = block.Pixels * vectors, loads = block.Pixels + vectors;
        return steps * Math.Max(products, loads) / 2 + 6 * products + 30;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)reduction.Runs * reduction.RunBytes * panel.Capacity;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed) => PackSteps(panel, reduction, rows, rowBytes, packed);

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvVnniEmitter(spec);
}
