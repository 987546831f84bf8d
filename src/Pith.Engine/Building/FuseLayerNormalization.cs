using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Makes one LayerNormalization of the ops that exporters wrote before opset 17 had it: d = x - mean(x), d / sqrt(mean(d²) + epsilon), then perhaps a factor and a summand for each element of the normalized
/// axes. A pass of the engine's own: a file keeps the form that it came in.
/// </summary>
/// <param name="keep">Names of values that must stay as they are, because somebody observes them.</param>
internal sealed class FuseLayerNormalization(IReadOnlySet<string> keep) : Passes.Rewrite<Div>
{
    protected override bool Apply(Graph graph, Node node, Div op)
    {
        if (Match(node) is not var (x, axis, epsilon, parts) || parts.Any(part => !IsInside(part))) return false;
        var normalized = x.Type.Dims.Skip(axis).ToArray();
        if (normalized.Any(size => !size.IsFixed)) return false;
        var shape = new Shape([.. normalized.Select(size => size.Size)]);
        var last = node;
        var scale = Follower<Mul>(last, shape);
        if (scale is not null) last = scale.Value.Node;
        var bias = Follower<Add>(last, shape);
        if (bias is not null) last = bias.Value.Node;
        var scales = scale?.Constant ?? Tensor.Create(shape, Enumerable.Repeat(1f, (int)shape.Length).ToArray());
        var operands = new List<Value?> { x, graph.AddConstant($"{node.Name}/scale", scales) };
        if (bias is not null) operands.Add(graph.AddConstant($"{node.Name}/bias", bias.Value.Constant));
        graph.ReplaceAllUses(last.Output, graph.AddNode(new LayerNormalization { Axis = axis - x.Type.Rank, Epsilon = epsilon }, operands.ToArray(), $"{node.Name}/normalized").Output);
        return true;
    }

    private bool IsInside(Value value) => !value.IsGraphOutput && !keep.Contains(value.Name);

    // d / sqrt(mean(d^2) + epsilon): x, the first normalized axis, epsilon and the values between.
    private static (Value X, int Axis, float Epsilon, Value[] Parts)? Match(Node node)
    {
        if (node.Output.Type.DataType != DataType.Float32) return null;
        var difference = node.Input(0)!;
        if (difference.Producer is not { Op: Sub } sub || node.Input(1)!.Producer is not { Op: Sqrt } root || root.Input(0)!.Producer is not { Op: Add } add) return null;
        var (variance, epsilon) = add.Input(1)!.Constant is Tensor<float> { Length: 1 } right ? (add.Input(0)!, right.Data[0]) : add.Input(0)!.Constant is Tensor<float> { Length: 1 } left ? (add.Input(1)!, left.Data[0]) : (add.Input(0)!, float.NaN);
        if (float.IsNaN(epsilon) || variance.Producer is not { Op: ReduceMean { KeepDims: true } spread } squares || !IsSquare(squares.Input(0)!, difference)) return null;
        var x = sub.Input(0)!;
        if (sub.Input(1)!.Producer is not { Op: ReduceMean { KeepDims: true } mean } average || !ReferenceEquals(average.Input(0), x) || FirstAxis(mean, average) is not { } axis || FirstAxis(spread, squares) != axis) return null;
        Value[] once = [root.Output, add.Output, variance, squares.Input(0)!, average.Output];
        // What lies between is read by these nodes only.
        if (once.Any(value => value.Uses.Count != 1)) return null;
        var square = squares.Input(0)!.Producer!;
        return difference.Uses.All(use => ReferenceEquals(use.Node, node) || ReferenceEquals(use.Node, square)) ? (x, axis, epsilon, [difference, .. once]) : null;
    }

    private static bool IsSquare(Value value, Value of) => value.Producer switch
    {
        { Op: Pow } power => ReferenceEquals(power.Input(0), of) && power.Input(1)!.Constant is Tensor<float> { Length: 1 } exponent && exponent.Data[0] == 2,
        { Op: Mul } product => ReferenceEquals(product.Input(0), of) && ReferenceEquals(product.Input(1), of),
        _ => false,
    };

    // The innermost axes, however many.
    private static int? FirstAxis(ReduceMean mean, Node node)
    {
        var rank = node.Input(0)!.Type.Rank;
        var axes = mean.Axes.Select(axis => axis < 0 ? axis + rank : axis).Order().ToArray();
        return axes.Length > 0 && axes.SequenceEqual(Enumerable.Range(rank - axes.Length, axes.Length)) ? axes[0] : null;
    }

    // A Mul or Add of a constant with one element for each of the normalized axes, right after the node.
    private (Node Node, Tensor Constant)? Follower<TOp>(Node node, Shape shape) where TOp : Op
    {
        if (node.Output.Uses.Count != 1 || !IsInside(node.Output) || node.Output.Uses[0].Node is not { Op: TOp } next) return null;
        var other = ReferenceEquals(next.Input(0), node.Output) ? next.Input(1)! : next.Input(0)!;
        if (other.Constant is not Tensor<float> constant || next.Output.Type != node.Output.Type) return null;
        if (constant.Length != shape.Length || !constant.Shape.Dims.SkipWhile(size => size == 1).SequenceEqual(shape.Dims.SkipWhile(size => size == 1))) return null;
        return (next, constant.Reshape(shape));
    }
}
