using System.Runtime.Intrinsics.X86;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;

namespace Pith.Tactics;

/// <summary>INT8 convolution and matrix product as implicit matrix product over bytes, with AVX-VNNI, AVX2 or any 128-bit vectors.</summary>
internal sealed class Int8Conv : Tactic<ContractionLayer>
{
    public override string Name => "int8-conv";

    protected override Verdict Accept(ContractionLayer layer, Device device) => layer.Int8 is null ? Verdict.No("is for INT8 layers") : Verdict.Yes;

    protected override double EstimateSeconds(ContractionLayer layer, Device device)
    {
        var join = layer.Groups == 1 ? 1 : ConvInt8Packing.GroupsToJoin(layer.Groups, layer.Channels / layer.Groups, layer.OutChannels / layer.Groups);
        var perSecond = 1e9 * (HasVnni(device) ? 120 : device.Isa >= IsaLevel.Avx2 ? 50 : 8);
        return (double)layer.Macs * join * Math.Max(1, TileInt8.Panel / layer.OutChannels) / perSecond;
    }

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var seconds = EstimateSeconds(layer, resources.Device);
        if (!HasVnni(resources.Device))
            return resources.Device.Isa >= IsaLevel.Avx2
                ? new Int8ConvLayer<Tile_u8s8s32_4x16c4_avx2, Lanes256>(layer, resources, seconds)
                : new Int8ConvLayer<Tile_u8s8s32_2x16c4_portable, Lanes128>(layer, resources, seconds);
        return resources.Device.Isa >= IsaLevel.Avx512Vnni
            ? new Int8ConvLayer<Tile_u8s8s32_6x16c4_avxvnni, Lanes512>(layer, resources, seconds)
            : new Int8ConvLayer<Tile_u8s8s32_6x16c4_avxvnni, Lanes256>(layer, resources, seconds);
    }

    /// <summary>Whether VPDPBUSD may be used on 256 bits; a CPU may have the 512-bit form without it.</summary>
    public static bool HasVnni(Device device) => device.Isa >= IsaLevel.AvxVnni && AvxVnni.IsSupported;
}
