using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Gives Gemm the one form that layers are recognised in: no factors, a bias of one element per column, a left operand that is not transposed. Factors move into constant weights and biases, a bias of another
/// shape becomes one of [N] or an Add of its own, and a left operand gets a Transpose.
/// </summary>
public sealed class RegularGemm : Rewrite<Gemm>
{
    /// <summary>For training: weights and biases that several nodes share are left alone, since changing them would give each its own.</summary>
    public bool KeepsSharedWeights { get; init; }

    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, Gemm op) =>
        DropUnusedBeta(graph, node, op) || FoldBeta(graph, node, op) || FlattenBias(graph, node, op) || FoldAlpha(graph, node, op) || TransposeLeft(graph, node, op) || SplitOff(graph, node, op);

    private static bool DropUnusedBeta(Graph graph, Node node, Gemm op)
    {
        if (op.Beta == 1) return false;
        var c = node.Input(2);
        if (c is not null && (op.Beta != 0 || Known(c) is not { } constant || !Reals.Of(constant).All(double.IsFinite))) return false;
        graph.Substitute(node, op with { Beta = 1 }, [node.Inputs[0], node.Inputs[1]]);
        return true;
    }

    private bool FoldBeta(Graph graph, Node node, Gemm op)
    {
        if (op.Beta == 1 || KnownBias(node) is not { } c) return false;
        var scaled = Reals.Create(c.DataType, c.Shape, [.. Reals.Of(c).Select(element => element * op.Beta)]);
        if (!Reals.Of(scaled).All(double.IsFinite)) return false;
        Rebias(graph, node, op with { Beta = 1 }, scaled);
        return true;
    }

    // [1, N], [1], [] and [1, 1] are [N] as well.
    private bool FlattenBias(Graph graph, Node node, Gemm op)
    {
        if (node.Input(2) is null || node.Output.Type[1] is not { IsFixed: true, Size: var columns } || KnownBias(node) is not { } c) return false;
        if ((c.Shape.Rank == 1 && c.Length == columns) || (c.Length > 1 && c.Shape[-1] != c.Length)) return false;
        var flat = c.Length == columns ? c.Reshape(new Shape(columns)) : new Expand().Evaluate([c.Reshape(new Shape(1)), Tensor.Vector((long)columns)], 1)[0];
        Rebias(graph, node, op, flat);
        return true;
    }

    private bool FoldAlpha(Graph graph, Node node, Gemm op)
    {
        if (op.Alpha == 1 || WeightLayout.Of(node) is not { } layout || (KeepsSharedWeights && node.Inputs[1]!.Uses.Count > 1)) return false;
        var bias = node.Input(2) is { } c ? Known(c) is { } known && known.Length == layout.Channels ? Reals.Of(known) : null : new double[layout.Channels];
        if (bias is null || !float.IsFinite(op.Alpha)) return false;
        if (!new FoldableWeight(graph, node, layout).TryScale([.. Enumerable.Repeat((double)op.Alpha, layout.Channels)], bias)) return false;
        graph.Substitute(node, op with { Alpha = 1 }, [.. node.Inputs]);
        return true;
    }

    // What is left of factors and summands as nodes of their own.
    private static bool SplitOff(Graph graph, Node node, Gemm op)
    {
        var c = node.Input(2);
        var isBias = c is null || (op is { Beta: 1, TransA: false } && c.Type.Rank == 1 && c.Type[0] == node.Output.Type[1]);
        if (op.Alpha == 1 && isBias) return false;
        var type = node.Output.Type.DataType;
        Value Factor(float factor) => graph.AddConstant($"{node.Name}:factor", Tensor.Scalar(factor).ConvertTo(type));
        var name = node.Name;
        var product = graph.AddNode(new Gemm { TransA = op.TransA, TransB = op.TransB }, [node.Inputs[0], node.Inputs[1]], $"{name}/product");
        var last = c is null
            ? graph.Substitute(node, new Mul(), [product.Output, Factor(op.Alpha)])
            : graph.Substitute(node, new Add(), [op.Alpha == 1 ? product.Output : graph.AddNode(new Mul(), [product.Output, Factor(op.Alpha)], $"{name}/alpha").Output, op.Beta == 1 ? c : graph.AddNode(new Mul(), [c, Factor(op.Beta)], $"{name}/beta").Output]);
        // The layer is what does the work.
        graph.Rename(last, $"{name}/split");
        graph.Rename(product, name);
        return true;
    }

    // The gradients of weights are such products of two computed matrices; they stay.
    private static bool TransposeLeft(Graph graph, Node node, Gemm op)
    {
        if (!op.TransA || WeightOperand.Of(node) is not { Index: 1 }) return false;
        var left = graph.AddNode(new Transpose([1, 0]), [node.Inputs[0]], $"{node.Name}/left").Output;
        graph.Substitute(node, op with { TransA = false }, [left, .. node.Inputs.Skip(1)]);
        return true;
    }

    private static Tensor? Known(Value value) => WeightOperand.Evaluate(value);

    private Tensor? KnownBias(Node node) => node.Input(2) is { } value && !(KeepsSharedWeights && value.Uses.Count > 1) ? Known(value) : null;

    private static void Rebias(Graph graph, Node node, Gemm op, Tensor bias)
    {
        var constant = graph.AddConstant(WeightOperand.ConstantBehind(node.Input(2))?.Name ?? $"{node.Name}:bias", bias);
        graph.Substitute(node, op, [node.Inputs[0], node.Inputs[1], constant]);
    }
}
