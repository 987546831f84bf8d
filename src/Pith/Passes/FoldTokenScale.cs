using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Folds a factor for each channel that follows a matrix product into its weight and bias: x W + b, perhaps moved from [N, ..., C] to [N, C, ...], times a constant with one element per channel, as
/// ConvNeXt's and other networks' layer scale. For inference; training keeps the factor as a parameter of its own.
/// </summary>
public sealed class FoldTokenScale : Rewrite<Mul>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, Mul op)
    {
        for (var side = 0; side < 2; side++)
            if (node.Inputs[side] is { Constant: null } data && node.Inputs[1 - side]!.Constant is { } factors && TryFold(graph, node, data, factors)) return true;
        return false;
    }

    private static bool TryFold(Graph graph, Node node, Value data, Tensor factors)
    {
        if (data.SingleConsumer != node || node.Output.Type != data.Type || !factors.DataType.IsFloat()) return false;
        var axis = data.Type.Rank - 1;
        var value = data;
        if (value.Producer is { Op: Transpose transpose } turned)
        {
            // The axis of the result that the product's last one became.
            axis = transpose.PermutationOf(value.Type.Rank).ToList().IndexOf(value.Type.Rank - 1);
            value = turned.Inputs[0]!;
            if (value.SingleConsumer != turned) return false;
        }
        var add = value.Producer is { Op: Add } sum ? sum : null;
        var bias = add is null ? null : add.Inputs[0]!.Constant is null ? add.Inputs[1]! : add.Inputs[0]!;
        if (add is not null)
        {
            value = ReferenceEquals(add.Inputs[0], bias) ? add.Inputs[1]! : add.Inputs[0]!;
            if (bias!.Constant is null || value.SingleConsumer != add || value.Type != add.Output.Type) return false;
        }
        if (value.Producer is not { Op: MatMul } product || WeightLayout.OfProduct(product) is not { } layout) return false;
        if (PerChannel(factors, data.Type, axis, layout.Channels) is not { } scale || !scale.All(double.IsFinite)) return false;
        var biases = bias is null ? new double[layout.Channels] : BiasOf(bias.Constant!, layout.Channels);
        if (biases is null) return false;
        double[] scaled = [.. biases.Zip(scale, (a, b) => a * b)];
        if (!scaled.All(double.IsFinite) || !new FoldableWeight(graph, product, layout).TryScale(scale, scaled)) return false;
        if (add is not null) graph.SetConstantOperand(add, ReferenceEquals(add.Inputs[0], bias) ? 0 : 1, Reals.Create(bias!.Constant!.DataType, new Shape(layout.Channels), scaled), bias.Name);
        graph.ReplaceBy(node, data);
        return true;
    }

    // One element, or one for each index of the channels' axis and no other.
    private static double[]? PerChannel(Tensor constant, TensorType data, int axis, int channels)
    {
        var elements = Reals.Of(constant);
        if (elements.Length == 1) return null;
        var at = axis - (data.Rank - constant.Shape.Rank);
        return at >= 0 && elements.Length == channels && constant.Shape[at] == channels ? elements : null;
    }

    private static double[]? BiasOf(Tensor constant, int channels)
    {
        var elements = Reals.Of(constant);
        if (elements.Length == 1) return [.. Enumerable.Repeat(elements[0], channels)];
        return elements.Length == channels && constant.Shape[-1] == channels ? elements : null;
    }
}
