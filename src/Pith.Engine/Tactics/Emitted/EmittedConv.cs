using Pith.Building;
using Pith.Kernels;

namespace Pith.Tactics;

/// <summary>Convolution and matrix product by a family's kernels: a tactic for each way to cut the work up.</summary>
/// <param name="family">The kernels.</param>
/// <param name="blocking">How the work is cut up.</param>
internal abstract class EmittedConv(ConvKernelFamily family, ConvBlocking blocking) : Tactic<ContractionLayer>
{
    public ConvKernelFamily Family => family;

    public override string WeightForm => family.WeightForm;

    protected ConvBlocking Blocking => blocking;

    public override PeakLoop? PeakLoop(Device device) => family.PeakLoop is { } loop && family.Refuses(device) is null && family.IsAllowed ? loop : null;
}
