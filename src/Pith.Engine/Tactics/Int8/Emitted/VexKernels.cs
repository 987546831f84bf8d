using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>What the families for CPUs without AVX-512 have in common.</summary>
internal abstract class VexKernels : ConvKernelFamily
{
    // Fewer pixels leave the multipliers waiting for sums and loads.
    private const int LeastPixels = 4;

    public override IReadOnlyList<int> PanelVectors => [1];

    /// <summary>What a block costs beside its pixels, in pixels: also for waiting, in blocks that are not the largest, on the sums of the step before.</summary>
    protected abstract double BlockPixels { get; }

    // Pixels at the right and lower edge that are computed twice cost more than a block that does not fill the registers.
    public override PixelBlock Block(PixelBlock image, int vectors, int temporaries)
    {
        var blocks =
            from rows in Enumerable.Range(1, Math.Min(image.Rows, VexBlockEmitter.LargestBlock))
            from columns in Enumerable.Range(1, Math.Min(image.Columns, VexBlockEmitter.LargestBlock / rows))
            select image with { Rows = rows, Columns = columns };
        return blocks.MinBy(block => EvenParts.Count(image.Rows, block.Rows) * EvenParts.Count(image.Columns, block.Columns) * (Math.Max(block.Pixels, LeastPixels) + BlockPixels));
    }
}

/// <summary>AVX-VNNI; see <see cref="ConvAvxVnniEmitter"/>.</summary>
internal sealed unsafe class AvxVnniKernels : VexKernels
{
    private static readonly PeakLoop s_peak = PeakLoop.Of<Vector256<int>, MultiplyAddAvxVnni>("int8");

    public override string Name => "avxvnni";

    public override PeakLoop? PeakLoop => AvxVnni.IsSupported ? s_peak : null;

    protected override double BlockPixels => 1.2;

    public override CpuFeatures Needs => CpuFeatures.Avx2 | CpuFeatures.AvxVnni;

    public override CpuFeatures SurpassedBy => CpuFeatures.Avx512Vnni;

    // Two products or two loads a cycle, then the epilogue.
    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / ConvVnniEmitter.StepBytes), products = 2 * block.Pixels, loads = block.Pixels + 2;
        return steps * Math.Max(products, loads) / 2 + 6 * block.Pixels + 20;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)reduction.Runs * reduction.RunBytes * panel.Capacity;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed) => PackSteps(panel, reduction, rows, rowBytes, packed);

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvAvxVnniEmitter(spec);
}

/// <summary>AVX2; see <see cref="ConvAvx2Emitter"/>.</summary>
internal sealed unsafe class Avx2Kernels : VexKernels
{
    private static readonly PeakLoop s_peak = PeakLoop.Of<Vector256<int>, MultiplyAddInt8Avx2>("int8");

    public override string Name => "avx2";

    public override PeakLoop? PeakLoop => Avx2.IsSupported ? s_peak : null;

    protected override double BlockPixels => 0.5;

    public override long ScratchBytes => ConvAvx2Emitter.ScratchBytes;

    public override CpuFeatures Needs => CpuFeatures.Avx2;

    public override CpuFeatures SurpassedBy => CpuFeatures.Avx512Vnni | CpuFeatures.AvxVnni;

    public override string? Refuses(ContractionLayer layer)
    {
        var operands = Operands(layer);
        var block = new PixelBlock(1, VexBlockEmitter.LargestBlock) { InputColumn = operands.Reduction.RunBytes + 1 };
        return new WordBlock(block, operands.Reduction).Bytes > ConvAvx2Emitter.ScratchBytes ? "a block does not fit its scratch memory" : null;
    }

    // Two products beside two sums, or two loads, a cycle, then the epilogue.
    public override double BlockCycles(PixelBlock block, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / WordProducts.StepChannels), products = 2 * block.Pixels, loads = block.Pixels + 2;
        return steps * Math.Max(products, loads) / 2 + 6 * block.Pixels + 20;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)reduction.Runs * reduction.RunBytes * panel.Capacity * sizeof(short);

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        var to = (short*)packed;
        for (nint at = 0; at < (nint)reduction.Runs * reduction.RunBytes; at += WordProducts.StepChannels)
            foreach (var channel in channels)
                for (var i = 0; i < WordProducts.StepChannels; i++) *to++ = (sbyte)rows[channel * rowBytes + at + i];
    }

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvAvx2Emitter(spec);
}
