using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// A large op of a training graph with what stands next to it, so that the images are read once less: y = activation(op(x', ...) + residual), where x' is operand 0, or operand 0 where the
/// gate is inside <see cref="GateBounds"/> and 0 elsewhere (the gradient of a Relu or a Clip, whose result the gate is). Operands: those of the op, then residual, then gate.
/// </summary>
internal sealed class TrainingLayer : Layer
{
    /// <summary>The op: BatchNormTraining, BatchNormalization, BatchNormGradient or ConvInputGradient.</summary>
    public required Op Op { get; init; }

    public Activation Activation { get; init; }

    /// <summary>The gate lets pass what is above the first and below the second.</summary>
    public (float Lower, float Upper) GateBounds { get; init; } = (0, float.PositiveInfinity);

    /// <summary>The gate is not an image but beta: the gradient's op computes the normalization's result again from its operands, which reads one image less.</summary>
    public bool GateIsBeta { get; init; }

    public Slot? Residual => Inputs[^2];

    public Slot? Gate => Inputs[^1];

    /// <summary>The same result of batch norm from statistics that the layer has measured before.</summary>
    public TrainingLayer WithStatistics(BatchNormTraining norm, Slot?[] inputs, Slot output) => new()
    {
        Op = new BatchNormalization { Epsilon = norm.Epsilon }, Name = Name, Nodes = Nodes, Inputs = [inputs[0], inputs[1], inputs[2], Outputs[1], Outputs[2], inputs[^2], inputs[^1]], Outputs = [output], Macs = Macs, Activation = Activation,
    };

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Op, $"{Op} {Inputs[0]!.DataType.ShortName()}{Inputs[0]!.Shape.At(maxBatch)}>{Output.Shape.At(maxBatch)}{(Residual is null ? "" : " +residual")}{(Gate is null ? "" : $" gated({GateBounds.Lower},{GateBounds.Upper}{(GateIsBeta ? ",again" : "")})")}", ActivationText.Of(Activation));
}
