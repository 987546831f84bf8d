using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>An instruction set's way to compute a <see cref="ConvKernelSpec"/>: the code, and the packing of weights that it reads.</summary>
internal abstract unsafe class ConvKernelFamily
{
    /// <summary>How tactics and kernels are called after it.</summary>
    public abstract string Name { get; }

    /// <summary>The pixels of an image that are computed at once; tiles may overlap at its right and lower edge.</summary>
    /// <param name="image">All pixels of an image.</param>
    /// <param name="vectors">Vectors of channels that are computed at once.</param>
    /// <param name="epilogue">What follows.</param>
    public abstract TilePattern Tile(TilePattern image, int vectors, EpilogueSpec epilogue);

    /// <summary>Why a device that has the instructions, or may do better, is not for this family, or null.</summary>
    public virtual string? Refuses(Device device) => null;

    /// <summary>Why there is no code for an INT8 layer, or null.</summary>
    public virtual string? Refuses(ContractionLayer layer) => null;

    /// <summary>The layer's operands as the kernels see them.</summary>
    public virtual ConvOperands Operands(ContractionLayer layer) => new(layer, isDepthwise: false);

    /// <summary>Rough cycles for one tile on one panel, everything in the first-level cache.</summary>
    public abstract double TileCycles(TilePattern tile, int vectors, ReductionShape reduction);

    /// <summary>Bytes of one panel's packed weights.</summary>
    public abstract nint WeightBytes(PanelShape panel, ReductionShape reduction);

    /// <summary>Packs one panel into zeroed memory.</summary>
    /// <param name="panel">The panel.</param>
    /// <param name="reduction">What each output sums over.</param>
    /// <param name="rows">The weights of each channel of the panel, stored or not, [runs, bytes of a run]; <paramref name="rowBytes"/> from channel to channel.</param>
    /// <param name="rowBytes">At least the reduction's bytes, rounded up to 64; what is beyond is 0.</param>
    /// <param name="packed"><see cref="WeightBytes"/> bytes.</param>
    public abstract void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed);

    /// <summary>The code.</summary>
    public abstract byte[] Emit(ConvKernelSpec spec, Device device);

    /// <summary>Scratch memory of a thread.</summary>
    public virtual long ScratchBytes => 0;

    /// <summary>The tile configuration that the thread must have while the kernel runs; empty for kernels without tiles.</summary>
    public virtual byte[] TileConfig(ConvKernelSpec spec) => [];

    /// <summary>Bytes of input and output of a block of tiles that stay in the first-level cache while all panels pass over them.</summary>
    public virtual int CloseBytes => 16 << 10;

    /// <summary>The panel's channel at each lane of each vector.</summary>
    protected static int[] ChannelOrder(PanelShape panel) => [.. Enumerable.Range(0, panel.Capacity).Select(i => panel.Channel(i / PanelShape.Lanes, i % PanelShape.Lanes))];

    /// <summary>Packs for VPDPBUSD: [steps of four bytes][channels][4].</summary>
    protected static void PackSteps(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        var to = (uint*)packed;
        for (nint at = 0; at < (nint)reduction.Runs * reduction.RunBytes; at += ConvVnniEmitter.StepBytes)
            foreach (var channel in channels) *to++ = *(uint*)(rows + channel * rowBytes + at);
    }

    /// <summary>The length of the fewest parts of at most <paramref name="most"/> that cover <paramref name="length"/>.</summary>
    protected static int Even(int length, int most)
    {
        var parts = (length + most - 1) / most;
        return (length + parts - 1) / parts;
    }
}

/// <summary>AMX; see <see cref="ConvAmxEmitter"/>.</summary>
internal sealed unsafe class AmxKernels : ConvKernelFamily
{
    public override string Name => "amx";

    public override long ScratchBytes => ConvAmxEmitter.ScratchBytes;

    public override byte[] TileConfig(ConvKernelSpec spec) => TileUnit.Config(ConvAmxEmitter.TileRows(spec));

    public override TilePattern Tile(TilePattern image, int vectors, EpilogueSpec epilogue) => AmxTiling.Largest(image, ConvAmxEmitter.Accumulators / vectors);

    // The last tasks of a block have nothing to run beside: fewer, larger blocks.
    public override int CloseBytes => 28 << 10;

    // The reduction is not a loop: 1024 chunks are about 64 KB of code for 2 x 2 tiles.
    public override string? Refuses(ContractionLayer layer) => Operands(layer).Reduction is var reduction && reduction.Runs * Chunks(reduction) > 1024 ? "the sum is too long for its code" : null;

    // TDPBUSD takes about a cycle a row, at least ten; a load eight, a store 18; the epilogue runs beside all that.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction)
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

    public override byte[] Emit(ConvKernelSpec spec, Device device) => new ConvAmxEmitter(spec, device.Tiles).Emit();

    private static int Chunks(ReductionShape reduction) => (reduction.RunBytes + ConvAmxEmitter.ChunkBytes - 1) / ConvAmxEmitter.ChunkBytes;
}

/// <summary>AVX-512 VNNI; see <see cref="ConvVnniEmitter"/>.</summary>
internal sealed unsafe class VnniKernels : ConvKernelFamily
{
    public override string Name => "avx512vnni";

    // The fewest tiles that fit the registers, all of one size: parts of a row, or several whole rows.
    public override TilePattern Tile(TilePattern image, int vectors, EpilogueSpec epilogue)
    {
        var most = ConvVnniEmitter.LargestTile(vectors, epilogue);
        return image.Columns >= most
            ? image with { Rows = 1, Columns = Even(image.Columns, most) }
            : image with { Rows = Even(image.Rows, Math.Min(image.Rows, most / image.Columns)) };
    }

    // Two products or two loads a cycle, then the epilogue.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / ConvVnniEmitter.StepBytes), products = tile.Pixels * vectors, loads = tile.Pixels + vectors;
        return steps * Math.Max(products, loads) / 2 + 6 * products + 30;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)reduction.Runs * reduction.RunBytes * panel.Capacity;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed) => PackSteps(panel, reduction, rows, rowBytes, packed);

    public override byte[] Emit(ConvKernelSpec spec, Device device) => new ConvVnniEmitter(spec).Emit();
}
