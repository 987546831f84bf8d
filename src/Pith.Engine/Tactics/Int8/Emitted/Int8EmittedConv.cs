using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Jit;

namespace Pith.Tactics;

/// <summary>INT8 convolution and matrix product by kernels that are emitted for the layer's sizes and epilogue.</summary>
/// <param name="family">The instruction set.</param>
/// <param name="isa">The level that has it.</param>
/// <param name="blocking">How the work is cut up.</param>
internal sealed class Int8EmittedConv(ConvKernelFamily family, IsaLevel isa, ConvBlocking blocking) : Tactic<ContractionLayer>
{
    public override string Name => $"int8-{family.Name}:{blocking}";

    /// <summary>A tactic for each way to cut the work up, panels of the first of <paramref name="vectors"/> first.</summary>
    public static IEnumerable<Int8EmittedConv> All(ConvKernelFamily family, IsaLevel isa, int[] vectors)
    {
        foreach (var v in vectors)
            foreach (var splitsChannels in (bool[])[false, true])
                foreach (var tilesOutside in (bool[])[false, true])
                    yield return new Int8EmittedConv(family, isa, new ConvBlocking(v, splitsChannels, tilesOutside));
    }

    protected override Verdict Accept(ContractionLayer layer, Device device)
    {
        if (device.Isa < isa) return Verdict.No($"needs {isa}");
        if (family.Refuses(device) is { } unfit) return Verdict.No(unfit);
        if (layer.Int8 is null) return Verdict.No("is for INT8 layers");
        if (family.Refuses(layer) is { } reason) return Verdict.No(reason);
        var operands = family.Operands(layer);
        var panels = EvenParts.Count(operands.GroupChannels, blocking.Channels);
        if (!operands.IsDepthwise && blocking.Vectors > 1 && operands.GroupChannels <= blocking.Channels - PanelShape.Lanes) return Verdict.No("panels would be wider than the layer");
        if (blocking.SplitsChannels && (device.Threads == 1 || panels * operands.Groups == 1)) return Verdict.No("there is nothing to split");
        if (blocking.TilesOutside && panels == 1) return Verdict.No("one panel needs no order");
        return Verdict.Yes;
    }

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => new EmittedConvEstimate(layer, family, blocking, device.Threads).Seconds;

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources)
    {
        var operands = family.Operands(layer);
        return new EmittedConvLayer(layer, resources, family, blocking, operands, new Int8ConvParameters(layer, operands, resources), EstimateSeconds(layer, resources.Device));
    }
}
