using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// The large ops of training graphs with their neighbours: batch norm (that of inference too, where it could not be folded) takes the residual Add and the Relu or Clip after it, its gradient takes the gradient of that, and the gradient of a
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
        if (context.Next(nodes[^1].Output) is { } next && ActivationFusion.Of(next) is { Kind: ActivationKind.Clip } clip)
        {
            activation = clip;
            nodes.Add(next);
        }
        // The statistics come out where the last node stood: nobody may read them before.
        var isLate = node.Outputs.Skip(1).SelectMany(statistics => statistics.Uses).Any(use => context.Order(use.Node) < context.Order(nodes[^1]));
        return isLate ? Layer([node], null, null, default) : Layer(nodes, residual, null, activation);
    }

    private static FusedNode NormalizationGradient(Node node, FusionContext context)
    {
        var dy = node.Input(0)!;
        return dy.Producer is { } producer && ReferenceEquals(context.Next(dy), node) && !context.IsTaken(producer) && Gate(producer) is { } bounds
            ? Layer([producer, node], null, Beta(producer.Input(0)!, node) ?? producer.Input(0), default, bounds, gateIsBeta: Beta(producer.Input(0)!, node) is not null)
            : Layer([node], null, null, default);
    }

    // Beta of the normalization whose gradient the node is, where nothing but a Relu or Clip made the gate of its result.
    private static Value? Beta(Value gate, Node gradient) =>
        gate.Producer is { Op: Relu or Clip } clip && clip.Input(0)!.Producer is { Op: BatchNormTraining } norm && ReferenceEquals(norm.Input(0), gradient.Input(1)) && ReferenceEquals(norm.Input(1), gradient.Input(2))
            && ReferenceEquals(norm.Outputs[1], gradient.Input(3)) && ReferenceEquals(norm.Outputs[2], gradient.Input(4)) && norm.Op is BatchNormTraining { Epsilon: var epsilon } && gradient.Op is BatchNormGradient { Epsilon: var other } && epsilon == other
            ? norm.Input(2) : null;

    // What the gradient of a Relu or of a Clip with constant bounds lets pass.
    private static (float Lower, float Upper)? Gate(Node node) => node.Op switch
    {
        UnaryGradient { Forward: Relu } => (0, float.PositiveInfinity),
        ClipGradient => ActivationFusion.Bound(node, 2, float.NegativeInfinity) is { } lower && ActivationFusion.Bound(node, 3, float.PositiveInfinity) is { } upper ? (lower, upper) : null,
        _ => null,
    };

    private static FusedNode InputGradient(Node node, FusionContext context)
    {
        List<Node> nodes = [node];
        var residual = TakeAdd(nodes, context);
        return TurnedWindow(node, context) is { } window ? TurnedConvolution(nodes, window, residual, context) : Layer(nodes, residual, null, default, allowsBf16: context.AllowsBf16);
    }

    // Of stride 1 the gradient is a convolution, unless it reads less than all of its operand.
    private static Window? TurnedWindow(Node node, FusionContext context)
    {
        var op = (ConvInputGradient)node.Op;
        var (result, kernel) = (context.ShapeOf(node.Output), context.ShapeOf(node.Input(1)!));
        if (!result.IsFixedPerImage || !kernel.IsFixed) return null;
        var w = Windows.Of(op.Window.Resolve(result.FixedFrom(2), kernel.FixedFrom(2)));
        var (height, width) = ((w.KernelHeight - 1) * w.DilationHeight, (w.KernelWidth - 1) * w.DilationWidth);
        var turned = w with { PadTop = height - w.PadTop, PadLeft = width - w.PadLeft, PadBottom = height - w.PadBottom, PadRight = width - w.PadRight };
        return w is { StrideHeight: 1, StrideWidth: 1 } && Math.Min(Math.Min(turned.PadTop, turned.PadLeft), Math.Min(turned.PadBottom, turned.PadRight)) >= 0 ? turned : null;
    }

    private static FusedNode TurnedConvolution(List<Node> nodes, Window window, Value? residual, FusionContext context) => new()
    {
        Nodes = nodes,
        Inputs = [nodes[0].Input(0), nodes[0].Input(1), null, residual],
        Outputs = [nodes[^1].Output],
        Layouts = LayoutRule.ChannelsLast(rowMajorInputs: [1]),
        Create = parts => new ContractionLayer
        {
            Op = nodes[0].Op, Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs, Window = window, Groups = ((ConvInputGradient)nodes[0].Op).Groups, IsLiteral = context.Literal,
            AllowsBf16 = context.AllowsBf16,
        },
    };

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

    private static FusedNode Layer(List<Node> nodes, Value? residual, Value? gate, Activation activation, (float Lower, float Upper) bounds = default, bool gateIsBeta = false, bool allowsBf16 = false)
    {
        var main = nodes.Find(node => node.Op is not (UnaryGradient or ClipGradient or Add or Relu or Clip))!;
        var operands = main.Inputs.ToArray();
        if (gate is not null) operands[0] = nodes[0].Input(1);
        return new FusedNode
        {
            Nodes = nodes,
            Inputs = [.. operands, residual, gate],
            Outputs = [nodes[^1].Output, .. main.Outputs.Skip(1)],
            // Weights stay [K, C / groups, R, S].
            Layouts = LayoutRule.ChannelsLast(rowMajorInputs: main.Op is ConvInputGradient ? [1] : null),
            Create = parts => new TrainingLayer { Op = main.Op, Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs, Activation = activation, GateBounds = bounds, GateIsBeta = gateIsBeta, AllowsBf16 = allowsBf16 },
        };
    }
}
