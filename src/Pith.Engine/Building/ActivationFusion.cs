using Pith.Kernels;
using Pith.Ops;

namespace Pith.Building;

/// <summary>Recognises an activation that follows a value: one node, the two of x * sigmoid(x) and x * hardsigmoid(x), or a <see cref="GeluPattern"/>.</summary>
internal static class ActivationFusion
{
    /// <summary>The activation, the nodes that make it up, and its result; null when none follows.</summary>
    public static (Activation Activation, Node[] Nodes, Value Result)? Match(Value value, FusionContext context)
    {
        if (context.Next(value) is { } node) return Of(node) is { } activation ? (activation, [node], node.Output) : null;
        return Gated(value, context) ?? GeluPattern.Match(value, context, swallows: true);
    }

    /// <summary>The activation that one node computes, with constant parameters; else null.</summary>
    public static Activation? Of(Node node) => node.Op is Clip
        ? Bound(node, 1, float.NegativeInfinity) is { } low && Bound(node, 2, float.PositiveInfinity) is { } high && low <= high ? Activation.Clip(low, high) : null
        : Of(node.Op);

    /// <summary>The activation that an op without further operands computes; else null.</summary>
    public static Activation? Of(Op op) => op switch
    {
        // One kind for all clipping, so that epilogues have one case.
        Relu => Activation.Clip(0, float.PositiveInfinity),
        LeakyRelu leaky => new() { Kind = ActivationKind.LeakyRelu, A = leaky.Alpha },
        HardSigmoid hard => new() { Kind = ActivationKind.HardSigmoid, A = hard.Alpha, B = hard.Beta },
        Elu elu => new() { Kind = ActivationKind.Elu, A = elu.Alpha },
        Sigmoid => Activation.Default(ActivationKind.Sigmoid),
        Tanh => Activation.Default(ActivationKind.Tanh),
        HardSwish => Activation.Default(ActivationKind.HardSwish),
        Gelu gelu => Activation.Default(gelu.TanhApproximation ? ActivationKind.GeluTanh : ActivationKind.Gelu),
        _ => null,
    };

    /// <summary>A bound of a Clip or of its gradient; null when it is computed.</summary>
    public static float? Bound(Node node, int index, float absent) =>
        node.Input(index) is not { } bound ? absent : bound.Constant is Tensor<float> { Length: 1 } constant ? constant.Data[0] : null;

    private static (Activation, Node[], Value)? Gated(Value value, FusionContext context)
    {
        if (context.IsVisible(value) || value.Uses.Count != 2) return null;
        var nodes = value.Uses.Select(use => use.Node).OrderBy(context.Order).ToArray();
        if (nodes.Any(context.IsTaken) || nodes[1].Op is not Mul || !ReferenceEquals(context.Next(nodes[0].Output), nodes[1])) return null;
        return nodes[0].Op switch
        {
            Sigmoid => (Activation.Default(ActivationKind.Silu), nodes, nodes[1].Output),
            HardSigmoid { Alpha: 1 / 6f, Beta: 0.5f } => (Activation.Default(ActivationKind.HardSwish), nodes, nodes[1].Output),
            _ => null,
        };
    }
}
