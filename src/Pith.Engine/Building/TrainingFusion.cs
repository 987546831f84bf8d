using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// The large ops of training graphs with their neighbours: batch norm (that of inference too, where it could not be folded) takes the residual Add and the Relu behind it, its gradient takes the gradient of that Relu, and the gradient of a
/// convolution's input takes the Add in which the gradients of two branches meet.
/// </summary>
internal static class TrainingFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context) => node.Op switch
    {
        _ when node.Output.Type is not { Rank: 4, DataType: DataType.Float32 } => null,
        BatchNormTraining => Normalization(node, context),
        BatchNormalization when node.Outputs.Count == 1 => Normalization(node, context),
        BatchNormGradient => NormalizationGradient(node, context),
        ConvInputGradient => InputGradient(node, context),
        _ => null,
    };

    private static FusedNode Normalization(Node node, FusionContext context)
    {
        List<Node> nodes = [node];
        var residual = TakeAdd(nodes, context);
        Activation activation = default;
        if (context.Next(nodes[^1].Output) is { Op: Relu } relu)
        {
            activation = Activation.Clip(0, float.PositiveInfinity);
            nodes.Add(relu);
        }
        // The statistics come out where the last node stood: nobody may read them before.
        var isLate = node.Outputs.Skip(1).SelectMany(statistics => statistics.Uses).Any(use => context.Order(use.Node) < context.Order(nodes[^1]));
        return isLate ? Layer([node], null, null, default) : Layer(nodes, residual, null, activation);
    }

    private static FusedNode NormalizationGradient(Node node, FusionContext context)
    {
        var dy = node.Input(0)!;
        return dy.Producer is { Op: UnaryGradient { Forward: Relu } } relu && ReferenceEquals(context.Next(dy), node) && !context.IsTaken(relu)
            ? Layer([relu, node], null, relu.Input(0), default)
            : Layer([node], null, null, default);
    }

    private static FusedNode InputGradient(Node node, FusionContext context)
    {
        List<Node> nodes = [node];
        var residual = TakeAdd(nodes, context);
        return Layer(nodes, residual, null, default);
    }

    // The other operand of an Add that is all that reads the first result.
    private static Value? TakeAdd(List<Node> nodes, FusionContext context)
    {
        var result = nodes[0].Output;
        if (context.Next(result) is not { Op: Add } add) return null;
        var other = ReferenceEquals(add.Input(0), result) ? add.Input(1)! : add.Input(0)!;
        if (ReferenceEquals(other, result) || other.Constant is not null || !context.SameShape(other, result)) return null;
        nodes.Add(add);
        return other;
    }

    private static FusedNode Layer(List<Node> nodes, Value? residual, Value? gate, Activation activation)
    {
        var main = nodes.Find(node => node.Op is not (UnaryGradient or Add or Relu))!;
        var operands = main.Inputs.ToArray();
        if (gate is not null) operands[0] = nodes[0].Input(1);
        return new FusedNode
        {
            Nodes = nodes,
            Inputs = [.. operands, residual, gate],
            Outputs = [nodes[^1].Output, .. main.Outputs.Skip(1)],
            // Weights stay [K, C / groups, R, S].
            Layouts = LayoutRule.ChannelsLast(rowMajorInputs: main.Op is ConvInputGradient ? [1] : null),
            Create = parts => new TrainingLayer { Op = main.Op, Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs, Activation = activation },
        };
    }
}
