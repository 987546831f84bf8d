using Pith.Building;
using Pith.Kernels.Reference;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Normalization by the definition of its op.</summary>
internal sealed class ReferenceNormalization : ReferenceTactic<NormalizationLayer>
{
    protected override bool KeepsConstants => false;

    protected override void Run(NormalizationLayer layer, RunState state)
    {
        var inputs = Array.ConvertAll(layer.Inputs, input => SlotTensors.Read(input!, state));
        var y = new GroupNormalization(layer.Groups, layer.Epsilon).Evaluate(inputs, 1)[0].As<float>();
        var activated = Array.ConvertAll(y.Data, value => (float)ActivationReference.Apply(layer.Activation, value));
        SlotTensors.Write(layer.Output, state, Tensor.Create(y.Shape, activated));
    }
}
