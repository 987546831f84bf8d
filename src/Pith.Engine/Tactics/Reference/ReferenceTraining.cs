using Pith.Building;
using Pith.Kernels.Reference;
using Pith.Ops;
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
        if (layer.Gate is { } slotOfGate)
        {
            var gate = SlotTensors.Read(slotOfGate, state).As<float>();
            if (layer.GateIsBeta) gate = Normalized(inputs, gate, ((BatchNormGradient)layer.Op).Epsilon);
            inputs[0] = Gated(inputs[0].As<float>(), gate, layer.GateBounds);
        }
        var results = layer.Op.Evaluate(inputs, layer.Outputs.Length);
        var residual = layer.Residual is { } slot ? SlotTensors.Read(slot, state).As<float>().Data : null;
        var y = results[0].As<float>().Data;
        for (var i = 0; i < y.Length; i++) y[i] = (float)ActivationReference.Apply(layer.Activation, y[i] + (residual is null ? 0 : residual[i]));
        for (var i = 0; i < results.Length; i++) SlotTensors.Write(layer.Outputs[i], state, results[i]);
    }

    // The normalization's result: operands are (dY, x, gamma, mean, variance).
    private static Tensor<float> Normalized(Tensor[] inputs, Tensor<float> beta, float epsilon)
    {
        var (x, gamma, mean, variance) = (inputs[1].As<float>(), inputs[2].As<float>(), inputs[3].As<float>(), inputs[4].As<float>());
        var y = Tensor.Zeros<float>(x.Shape);
        var (channels, pixels) = (x.Shape[1], x.Shape.LengthOf(2, x.Shape.Rank));
        for (var i = 0; i < x.Length; i++)
        {
            var c = i / pixels % channels;
            y.Data[i] = (float)(((double)x.Data[i] - mean.Data[c]) / Math.Sqrt((double)variance.Data[c] + epsilon) * gamma.Data[c] + beta.Data[c]);
        }
        return y;
    }

    private static Tensor<float> Gated(Tensor<float> x, Tensor<float> gate, (float Lower, float Upper) bounds)
    {
        var gated = Tensor.Zeros<float>(x.Shape);
        for (var i = 0; i < x.Length; i++) gated.Data[i] = gate.Data[i] > bounds.Lower && gate.Data[i] < bounds.Upper ? x.Data[i] : 0;
        return gated;
    }
}
