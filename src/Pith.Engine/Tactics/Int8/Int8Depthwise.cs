using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;

namespace Pith.Tactics;

/// <summary>INT8 convolution of each channel by itself.</summary>
internal sealed class Int8Depthwise : Tactic<ContractionLayer>
{
    public override string Name => "int8-depthwise";

    protected override Verdict Accept(ContractionLayer layer, Device device) => layer switch
    {
        { Int8: null } => Verdict.No("is for INT8 layers"),
        { IsDepthwise: false } => Verdict.No("is for one channel per group"),
        { Output.IsQuantized: false } => Verdict.No("writes bytes only"),
        _ => Verdict.Yes,
    };

    protected override double EstimateSeconds(ContractionLayer layer, Device device) =>
        layer.Macs / (1e9 * (Int8Conv.HasVnni(device) ? 25 : device.Isa >= IsaLevel.Avx2 ? 20 : 5));

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var seconds = EstimateSeconds(layer, resources.Device);
        if (!Int8Conv.HasVnni(resources.Device))
            return resources.Device.Isa >= IsaLevel.Avx2
                ? new Int8DepthwiseLayer<Depthwise_u8s8s32_32t4_avx2, Lanes256>(layer, resources, seconds)
                : new Int8DepthwiseLayer<Depthwise_u8s8s32_32t4_portable, Lanes128>(layer, resources, seconds);
        return resources.Device.Isa >= IsaLevel.Avx512Vnni
            ? new Int8DepthwiseLayer<Depthwise_u8s8s32_32t4_avxvnni, Lanes512>(layer, resources, seconds)
            : new Int8DepthwiseLayer<Depthwise_u8s8s32_32t4_avxvnni, Lanes256>(layer, resources, seconds);
    }
}
