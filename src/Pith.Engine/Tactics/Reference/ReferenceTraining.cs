using Pith.Building;
using Pith.Kernels.Reference;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Runs the op of a <see cref="TrainingLayer"/> by its own definition, on row-major copies, with gate, residual and activation by plain loops.</summary>
internal sealed class ReferenceTraining : ReferenceTactic<TrainingLayer>
{
    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override bool KeepsConstants => false;

    protected override void Run(TrainingLayer layer, RunState state)
    {
        var inputs = layer.Inputs.SkipLast(2).Select(input => SlotTensors.Read(input!, state)).ToArray();
        if (layer.Gate is { } gate) inputs[0] = Gated(inputs[0].As<float>(), SlotTensors.Read(gate, state).As<float>(), layer.GateBounds);
        var results = layer.Op.Evaluate(inputs, layer.Outputs.Length);
        var residual = layer.Residual is { } slot ? SlotTensors.Read(slot, state).As<float>().Data : null;
        var y = results[0].As<float>().Data;
        for (var i = 0; i < y.Length; i++) y[i] = (float)ActivationReference.Apply(layer.Activation, y[i] + (residual is null ? 0 : residual[i]));
        for (var i = 0; i < results.Length; i++) SlotTensors.Write(layer.Outputs[i], state, results[i]);
    }

    private static Tensor<float> Gated(Tensor<float> x, Tensor<float> gate, (float Lower, float Upper) bounds)
    {
        var gated = Tensor.Zeros<float>(x.Shape);
        for (var i = 0; i < x.Length; i++) gated.Data[i] = gate.Data[i] > bounds.Lower && gate.Data[i] < bounds.Upper ? x.Data[i] : 0;
        return gated;
    }
}
