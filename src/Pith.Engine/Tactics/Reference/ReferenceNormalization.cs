using Pith.Building;
using Pith.Kernels.Reference;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Normalization by the definition of its op.</summary>
internal sealed class ReferenceNormalization : Tactic<NormalizationLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override bool KeepsConstants => false;

    protected override Verdict Accept(NormalizationLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(NormalizationLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(NormalizationLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(NormalizationLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
        {
            var inputs = Array.ConvertAll(layer.Inputs, input => SlotTensors.Read(input!, state));
            var y = new GroupNormalization(layer.Groups, layer.Epsilon).Evaluate(inputs, 1)[0].As<float>();
            var activated = Array.ConvertAll(y.Data, value => (float)ActivationReference.Apply(layer.Activation, value));
            SlotTensors.Write(layer.Output, state, Tensor.Create(y.Shape, activated));
        }
    }
}
