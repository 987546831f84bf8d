using Pith.Building;

namespace Pith.Tactics;

/// <summary>INT8 convolution of each channel by itself with the 128-bit vectors that every CPU has; see <see cref="Int8Conv"/>.</summary>
internal sealed class Int8Depthwise : Tactic<ContractionLayer>
{
    private const double MacsPerSecond = 5e9;

    public override string Name => "int8-depthwise";

    protected override Verdict Accept(ContractionLayer layer, Device device) => layer switch
    {
        { Int8: null } => Verdict.NotFor("INT8 layers"),
        { IsDepthwise: false } => Verdict.NotFor("one channel per group"),
        { Output.IsQuantized: false } => Verdict.No("writes bytes only"),
        _ => Verdict.Yes,
    };

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => layer.Macs / MacsPerSecond;

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Int8DepthwiseLayer(layer, resources, EstimateSeconds(layer, resources.Device));
}
