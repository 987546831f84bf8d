using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;

namespace Pith.Tactics;

/// <summary>INT8 convolution and matrix product as implicit matrix product over bytes with the 128-bit vectors that every CPU has: for those that no code is emitted for.</summary>
internal sealed class Int8Conv : Tactic<ContractionLayer>
{
    private const double MacsPerSecond = 8e9;

    private static readonly PeakLoop s_peak = Kernels.PeakLoop.Of<Vector128<short>, MultiplyAddInt8Portable>("int8");

    public override string Name => "int8-conv";

    public override PeakLoop? PeakLoop(Device device) => s_peak;

    protected override Verdict Accept(ContractionLayer layer, Device device) => layer.Int8 is null ? Verdict.NotFor("INT8 layers") : Verdict.Yes;

    protected override double EstimateSeconds(ContractionLayer layer, Device device)
    {
        var join = layer.Groups == 1 ? 1 : ConvInt8Packing.GroupsToJoin(layer.Groups, layer.Channels / layer.Groups, layer.OutChannels / layer.Groups);
        return (double)layer.Macs * join * Math.Max(1, TileInt8.Panel / layer.OutChannels) / MacsPerSecond;
    }

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) =>
        resources.Device.Features.Include(CpuFeatures.DotProd) && Dp.IsSupported
            ? new Int8ConvLayer<Tile_u8s8s32_2x16c4_dotprod<ArmDotProduct>>(layer, resources, EstimateSeconds(layer, resources.Device))
            : new Int8ConvLayer<Tile_u8s8s32_2x16c4_vector128>(layer, resources, EstimateSeconds(layer, resources.Device));
}
