using Pith.Building;
using Pith.Kernels;

namespace Pith.Tactics;

/// <summary>INT8 convolution and matrix product by kernels that are emitted for the layer's sizes and epilogue.</summary>
/// <param name="family">The instruction set.</param>
/// <param name="blocking">How the work is cut up.</param>
internal sealed class Int8EmittedConv(ConvKernelFamily family, ConvBlocking blocking) : EmittedConv(family)
{
    public override string Name { get; } = $"int8-{family.Name}:{blocking}";

    /// <summary>A tactic for each way to cut the work up.</summary>
    public static IEnumerable<Int8EmittedConv> All(ConvKernelFamily family) => ConvBlocking.All(family).Select(blocking => new Int8EmittedConv(family, blocking));

    protected override Verdict Accept(ContractionLayer layer, Device device)
    {
        if (Family.Refuses(device) is { } unfit) return Verdict.No(unfit);
        if (layer.Int8 is null) return Verdict.NotFor("INT8 layers");
        if (Family.Refuses(layer) is { } reason) return Verdict.No(reason);
        return Family.Accepts(layer, blocking, device);
    }

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => new EmittedConvEstimate(layer, Family, blocking, device.Threads).Seconds;

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var operands = Family.Operands(layer);
        return new EmittedConvLayer(layer, resources, Family, (_, _) => blocking, [(operands, new Int8ConvParameters(layer, operands, resources))], EstimateSeconds(layer, resources.Device));
    }
}
