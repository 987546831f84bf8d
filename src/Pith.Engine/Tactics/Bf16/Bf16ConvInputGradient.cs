using Pith.Building;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.Tactics;

/// <summary>The gradient of a strided float convolution with respect to its input, operands rounded to bfloat16: its phases are convolutions of stride 1 over the same rounded copies of the output's gradient.</summary>
/// <param name="phase">How a phase is computed.</param>
internal sealed class Bf16ConvInputGradient(Bf16ComputedConv phase) : Tactic<TrainingLayer>
{
    public override string Name { get; } = $"{phase.Name}-input-gradient";

    public override string Precision(Layer layer) => phase.Precision(layer);

    protected override Verdict Accept(TrainingLayer layer, Device device)
    {
        if (layer.Op is not ConvInputGradient) return Verdict.NotFor("ConvInputGradient");
        if (layer.Gate is not null || layer.Activation.Kind != ActivationKind.None) return Verdict.No("has no gate or activation");
        var verdicts = InputGradientPhase.Of(layer).Select(one => phase.Accept(one, device));
        return verdicts.FirstOrDefault(verdict => !verdict.Accepted, Verdict.Yes);
    }

    protected override double EstimateSeconds(TrainingLayer layer, Device device) => phase.PhasesSeconds(InputGradientPhase.Of(layer));

    protected override RunnableLayer Build(TrainingLayer layer, BuildResources resources) => phase.Build(InputGradientPhase.Of(layer), resources);
}
