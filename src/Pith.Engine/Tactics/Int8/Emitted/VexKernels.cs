using System.Runtime.Intrinsics;
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

    /// <summary>What a tile costs beside its pixels, in pixels: also for waiting, in tiles that are not the largest, on the sums of the step before.</summary>
    protected abstract double TilePixels { get; }

    // Pixels at the right and lower edge that are computed twice cost more than a tile that does not fill the registers.
    public override TilePattern Tile(TilePattern image, int vectors, int temporaries)
    {
        var tiles =
            from rows in Enumerable.Range(1, Math.Min(image.Rows, VexTileEmitter.LargestTile))
            from columns in Enumerable.Range(1, Math.Min(image.Columns, VexTileEmitter.LargestTile / rows))
            select image with { Rows = rows, Columns = columns };
        return tiles.MinBy(tile => EvenParts.Count(image.Rows, tile.Rows) * EvenParts.Count(image.Columns, tile.Columns) * (Math.Max(tile.Pixels, LeastPixels) + TilePixels));
    }
}

/// <summary>AVX-VNNI; see <see cref="ConvAvxVnniEmitter"/>.</summary>
internal sealed unsafe class AvxVnniKernels : VexKernels
{
    private static readonly PeakLoop s_peak = PeakLoop.Of<Vector256<int>, MultiplyAddAvxVnni>("int8");

    public override string Name => "avxvnni";

    public override PeakLoop? PeakLoop => s_peak;

    protected override double TilePixels => 1.2;

    public override CpuFeatures Needs => CpuFeatures.Avx2 | CpuFeatures.AvxVnni;

    public override CpuFeatures SurpassedBy => CpuFeatures.Avx512Vnni;

    // Two products or two loads a cycle, then the epilogue.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / ConvVnniEmitter.StepBytes), products = 2 * tile.Pixels, loads = tile.Pixels + 2;
        return steps * Math.Max(products, loads) / 2 + 6 * tile.Pixels + 20;
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

    public override PeakLoop? PeakLoop => s_peak;

    protected override double TilePixels => 0.5;

    public override long ScratchBytes => ConvAvx2Emitter.ScratchBytes;

    public override CpuFeatures Needs => CpuFeatures.Avx2;

    public override CpuFeatures SurpassedBy => CpuFeatures.Avx512Vnni | CpuFeatures.AvxVnni;

    public override string? Refuses(ContractionLayer layer)
    {
        var operands = Operands(layer);
        var tile = new TilePattern(1, VexTileEmitter.LargestTile) { InputColumn = operands.Reduction.RunBytes + 1 };
        return new WordTile(tile, operands.Reduction).Bytes > ConvAvx2Emitter.ScratchBytes ? "a tile does not fit its scratch memory" : null;
    }

    // Two products beside two sums, or two loads, a cycle, then the epilogue.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / WordProducts.StepChannels), products = 2 * tile.Pixels, loads = tile.Pixels + 2;
        return steps * Math.Max(products, loads) / 2 + 6 * tile.Pixels + 20;
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
