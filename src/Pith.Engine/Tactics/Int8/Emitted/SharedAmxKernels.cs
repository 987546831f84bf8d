using Iced.Intel;
using Pith.Building;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>AMX on weights of which V neighbouring output channels share a 2:4 pattern, a panel of V channels at a time; see <see cref="ConvSharedAmxEmitter"/>. Stricter patterns are such weights, too.</summary>
/// <param name="shared">V: 16, 32 or 64.</param>
/// <param name="tiles">Makes the AMX instructions for an assembler.</param>
internal sealed unsafe class SharedAmxKernels(int shared, Func<Assembler, TileUnit> tiles) : AmxKernels(tiles)
{
    public override string Name { get; } = $"shared{shared}-amx";

    public override string WeightForm => $"{shared}:2:4";

    public override IReadOnlyList<int> PanelVectors => [shared / PanelShape.Lanes];

    public override bool HasFullPanels => true;

    public override long ScratchBytes => ConvSharedAmxEmitter.ScratchBytes;

    public override string? Refuses(ContractionLayer layer) =>
        (layer.Int8!.Pattern(layer.Groups)?.Channels ?? 0) < shared ? $"the weights are not {shared}:2:4" : Operands(layer).Groups != layer.Groups ? "groups of few channels are computed together" : null;

    // Half of the products; two loads, two shuffles and a store for each pixel and step, which do not overlap with the loads of tiles.
    public override double BlockCycles(PixelBlock tile, int vectors, ReductionShape reduction)
    {
        var tiling = new AmxTiling(tile);
        double steps = Weights(new PanelShape(vectors, vectors * PanelShape.Lanes, false), reduction).Steps, pixels = tiling.Count * tiling.Rows;
        var (products, loads) = (tiling.Count * vectors * Math.Max(10, tiling.Rows + 1), 8.3 * (tiling.Count + vectors) + 1.2 * pixels);
        return Math.Max(steps * Math.Max(products, loads) + 18 * tiling.Count * vectors, 6 * tile.Pixels * vectors) + 30;
    }

    public override nint WeightBytes(PanelShape panel, ReductionShape reduction) => Weights(panel, reduction).Bytes;

    public override void Pack(PanelShape panel, ReductionShape reduction, byte* rows, nint rowBytes, byte* packed) => Weights(panel, reduction).Pack(ChannelOrder(panel), rows, rowBytes, packed);

    public override KernelEmitter Emitter(ConvKernelSpec spec) => new ConvSharedAmxEmitter(spec, Tiles);

    private static SharedTileWeights Weights(PanelShape panel, ReductionShape reduction) => new(panel, reduction);
}
