using Pith.Building;
using Pith.Kernels;

namespace Pith.Tactics;

/// <summary>Convolution and matrix product by a family's kernels.</summary>
/// <param name="family">The kernels.</param>
internal abstract class EmittedConv(ConvKernelFamily family) : Tactic<ContractionLayer>
{
    public ConvKernelFamily Family => family;

    public override string WeightForm => family.WeightForm;

    public override PeakLoop? PeakLoop(Device device) => family.PeakLoop is { } loop && family.Refuses(device) is null && family.IsAllowed ? loop : null;
}
