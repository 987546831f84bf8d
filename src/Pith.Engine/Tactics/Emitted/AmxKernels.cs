using Iced.Intel;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Platform;

namespace Pith.Tactics;

/// <summary>AMX; see <see cref="ConvAmxEmitter"/>.</summary>
/// <param name="tiles">Makes the AMX instructions for an assembler.</param>
internal unsafe class AmxKernels(Func<Assembler, TileUnit> tiles) : ConvKernelFamily
{
    private static readonly PeakLoop s_peak = PeakEmitter.Loop("int8", new Int8ConvArithmetic(default), TileUnit.Native);

    public override string Name => "amx";

    public override CpuFeatures Needs => CpuFeatures.Avx512 | CpuFeatures.AmxInt8;

    public override IReadOnlyList<int> PanelVectors => [2, 1, 4];

    public override PeakLoop? PeakLoop => HasCpuTiles ? s_peak : null;

    public override bool IsAllowed => !HasCpuTiles || AmxPermission.IsGranted;

    /// <summary>Makes the AMX instructions for an assembler.</summary>
    protected Func<Assembler, TileUnit> Tiles { get; } = tiles;

    /// <summary>Whether the instructions are the CPU's own.</summary>
    protected bool HasCpuTiles => Tiles == TileUnit.Native;

    public override long ScratchBytes => ConvAmxEmitter.ScratchBytes;

    // A panel that does not stay in the first-level cache comes from beyond it for each task: fetched 2 KB ahead, stage 4 of ResNet-50 at batch 1 took 110 to 120 instead of 200 to 290 µs while the machine was busy, and as long as before while it was not.
    // Each tile takes 16 instructions, which must not fill the instruction cache.
    public override int FetchAhead(nint panelBytes) => panelBytes is > 32 << 10 and <= 160 << 10 ? 2 << 10 : 0;

    // The results of the first task are stored up to three times.
    public override bool MayStream => false;

    public override byte[] TileConfig(ConvKernelSpec spec) => TileUnit.Config(ConvAmxEmitter.TileRows(spec));

    public override PixelBlock Block(PixelBlock image, int vectors, int temporaries) => AmxTiling.Largest(image, ConvAmxEmitter.Accumulators / vectors);

    // The last tasks of a block have nothing to run beside: fewer, larger blocks.
    public override int CloseBytes => 28 << 10;

    // The reduction is not a loop: 1024 chunks are about 64 KB of code for 2 x 2 tiles.
    public override string? Refuses(ContractionLayer layer) => Operands(layer).Reduction is var reduction && reduction.Runs * Chunks(reduction) > 1024 ? "the sum is too long for its code" : null;

    // TDPBUSD takes about a cycle a row, at least ten; a load eight, a store 18; the epilogue runs beside all that.
    public override double BlockCycles(PixelBlock tile, int vectors, ReductionShape reduction)
    {
        var tiling = new AmxTiling(tile);
        double chunks = reduction.Runs * Chunks(reduction), products = tiling.Count * vectors * Math.Max(10, tiling.Rows + 1), loads = 8.3 * (tiling.Count + vectors);
        return Math.Max(chunks * Math.Max(products, loads) + 18 * tiling.Count * vectors, 6 * tile.Pixels * vectors) + 20;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)reduction.Runs * Chunks(reduction) * ConvAmxEmitter.ChunkBytes * panel.Capacity;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        var to = (uint*)packed;
        for (var run = 0; run < reduction.Runs; run++)
            for (var chunk = 0; chunk < reduction.RunBytes; chunk += ConvAmxEmitter.ChunkBytes)
                for (var vector = 0; vector < panel.Vectors; vector++)
                    for (var index = chunk; index < chunk + ConvAmxEmitter.ChunkBytes; index += 4, to += PanelShape.Lanes)
                    {
                        // Runs are whole steps of four bytes; a chunk may end beyond the run.
                        if (index >= reduction.RunBytes) continue;
                        var from = rows + run * reduction.RunBytes + index;
                        for (var lane = 0; lane < PanelShape.Lanes; lane++) to[lane] = *(uint*)(from + channels[vector * PanelShape.Lanes + lane] * rowBytes);
                    }
    }

    public override nint StepOffset(PanelShape panel, ReductionShape reduction, int run, int at, int vector) =>
        (((nint)run * Chunks(reduction) + at / ConvAmxEmitter.ChunkBytes) * panel.Vectors + vector) * ConvAmxEmitter.ChunkBytes * PanelShape.Lanes + at % ConvAmxEmitter.ChunkBytes / ConvVnniEmitter.StepBytes * StepVectorBytes;

    public override KernelEmitter? TileState(bool enters) => new TileStateEmitter(Tiles, enters);

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvAmxEmitter(spec, Tiles);

    private static int Chunks(ReductionShape reduction) => EvenParts.Count(reduction.RunBytes, ConvAmxEmitter.ChunkBytes);
}
