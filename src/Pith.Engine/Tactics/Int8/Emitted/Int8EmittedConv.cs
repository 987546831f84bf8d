using Pith.Building;
using Pith.Kernels;

namespace Pith.Tactics;

/// <summary>INT8 convolution and matrix product by kernels that are emitted for the layer's sizes and epilogue.</summary>
/// <param name="family">The instruction set.</param>
/// <param name="isa">The level that has it.</param>
/// <param name="blocking">How the work is cut up.</param>
internal sealed class Int8EmittedConv(ConvKernelFamily family, IsaLevel isa, ConvBlocking blocking) : Tactic<ContractionLayer>
{
    public override string Name => $"int8-{family.Name}:{blocking}";

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        device.Isa < isa ? Verdict.No($"needs {isa}")
        : layer.Int8 is null ? Verdict.No("is for INT8 layers")
        : Verdict.Yes;

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => layer.Macs / (400e9 * device.Threads);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new EmittedConvLayer(layer, resources, family, blocking, EstimateSeconds(layer, resources.Device));
}
