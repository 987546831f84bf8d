using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Reference;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Convolution and matrix product with epilogue by plain loops: integers as <see cref="Int8Arithmetic"/> says, floats by the op's own definition.</summary>
internal sealed class ReferenceContraction : ReferenceTactic<ContractionLayer>
{
    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => layer.Int8 is null ? base.Build(layer, resources) : new Int8(new Int8ContractionLoops(layer));

    protected override void Run(ContractionLayer layer, RunState state)
    {
        var operands = layer.Inputs.Take(3).Select(input => input is null ? null : SlotTensors.Read(input, state)).ToArray();
        var result = layer.Op.Evaluate(layer.Op is Pith.Ops.MatMul ? operands[..2] : operands, 1)[0].As<float>();
        var bias = layer.Op is Pith.Ops.MatMul && operands[2] is { } vector ? vector.As<float>().Data : null;
        var residual = layer.Residual is { } slot ? SlotTensors.Read(slot, state).As<float>().Data : null;
        for (var i = 0; i < result.Length; i++)
        {
            var value = result.Data[i];
            if (bias is not null) value += bias[i % bias.Length];
            if (residual is not null) value += residual[i];
            result.Data[i] = (float)ActivationReference.Apply(layer.Activation, value);
        }
        SlotTensors.Write(layer.Output, state, result);
    }

    private sealed class Int8(Int8ContractionLoops loops) : RunnableLayer
    {
        public override void Run(RunState state) => loops.Run(state);
    }
}
