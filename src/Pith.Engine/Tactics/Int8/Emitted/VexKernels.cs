using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>AVX-VNNI; see <see cref="ConvAvxVnniEmitter"/>.</summary>
internal sealed unsafe class AvxVnniKernels : ConvKernelFamily
{
    public override string Name => "avxvnni";

    public override string? Refuses(Device device) => device.Isa >= IsaLevel.Avx512Vnni ? "is for CPUs without AVX-512" : Int8Conv.HasVnni(device) ? null : "needs AVX-VNNI";

    public override TilePattern Tile(TilePattern image, int vectors, EpilogueSpec epilogue) => FewestTiles(image, ConvVexEmitter.LargestTile);

    // Two products or two loads a cycle, then the epilogue.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / ConvVnniEmitter.StepBytes), products = 2 * tile.Pixels, loads = tile.Pixels + 2;
        return steps * Math.Max(products, loads) / 2 + 12 * tile.Pixels + 30;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)reduction.Runs * reduction.RunBytes * panel.Capacity;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed) => PackSteps(panel, reduction, rows, rowBytes, packed);

    public override byte[] Emit(ConvKernelSpec spec, Device device) => new ConvAvxVnniEmitter(spec).Emit();
}

/// <summary>AVX2; see <see cref="ConvAvx2Emitter"/>.</summary>
internal sealed unsafe class Avx2Kernels : ConvKernelFamily
{
    public override string Name => "avx2";

    public override long ScratchBytes => ConvAvx2Emitter.ScratchBytes;

    public override string? Refuses(Device device) =>
        device.Isa >= IsaLevel.Avx512Vnni ? "is for CPUs without AVX-512" : Int8Conv.HasVnni(device) ? "is for CPUs without AVX-VNNI" : null;

    public override string? Refuses(ContractionLayer layer)
    {
        var operands = Operands(layer);
        var tile = new TilePattern(1, ConvVexEmitter.LargestTile) { InputColumn = operands.Reduction.RunBytes + 1 };
        return new WordTile(tile, operands.Reduction).Bytes > ConvAvx2Emitter.ScratchBytes ? "a tile does not fit its scratch memory" : null;
    }

    public override TilePattern Tile(TilePattern image, int vectors, EpilogueSpec epilogue) => FewestTiles(image, ConvVexEmitter.LargestTile);

    // Two products beside two sums, or two loads, a cycle, then the epilogue.
    public override double TileCycles(TilePattern tile, int vectors, ReductionShape reduction)
    {
        double steps = reduction.Runs * (reduction.RunBytes / ConvAvx2Emitter.StepChannels), products = 2 * tile.Pixels, loads = tile.Pixels + 2;
        return steps * Math.Max(products, loads) / 2 + 12 * tile.Pixels + 30;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => (nint)reduction.Runs * reduction.RunBytes * panel.Capacity * sizeof(short);

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed)
    {
        var channels = ChannelOrder(panel);
        var to = (short*)packed;
        for (nint at = 0; at < (nint)reduction.Runs * reduction.RunBytes; at += ConvAvx2Emitter.StepChannels)
            foreach (var channel in channels)
                for (var i = 0; i < ConvAvx2Emitter.StepChannels; i++) *to++ = (sbyte)rows[channel * rowBytes + at + i];
    }

    public override byte[] Emit(ConvKernelSpec spec, Device device) => new ConvAvx2Emitter(spec).Emit();
}
