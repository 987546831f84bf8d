using Pith.Ops;

namespace Pith;

/// <summary>
/// The bias of a layer: its own operand, or the constant that the Add right after a matrix product adds, which is how exporters write a fully connected layer on tokens [N, T, C]. This is the one place that says which Add is a bias and
/// not a sum of two branches, for quantization, reconstruction and pruning alike.
/// </summary>
public static class LayerBias
{
    /// <summary>Where the bias of <paramref name="layer"/> is read: a float32 constant with one element per output channel. Null when there is none, or not of that form.</summary>
    public static Use? Of(Node layer)
    {
        ArgumentNullException.ThrowIfNull(layer);
        if (layer.Op is MatMul) return AddedTo(layer);
        return layer.Op is Conv or ConvTranspose or Gemm && layer.Input(2)?.Constant is Tensor<float> ? new Use(layer, 2) : null;
    }

    /// <summary>The elements of the bias; null when there is none.</summary>
    public static Tensor<float>? Constant(Node layer) => Of(layer) is { } use ? (Tensor<float>)use.Node.Inputs[use.Index]!.Constant! : null;

    /// <summary>What the layer computes, with its bias.</summary>
    public static Value ResultOf(Node layer) => Of(layer) is { } use ? use.Node.Output : layer.Output;

    private static Use? AddedTo(Node product)
    {
        // Of products of two computed tensors, and of a weight on the left, the last axis is not the weight's channels.
        if (WeightOperand.Of(product) is not { Index: 1, OutputAxis: not null } weight || product.Output.SingleConsumer is not { Op: Add } add || add.Output.Type != product.Output.Type) return null;
        var index = ReferenceEquals(add.Inputs[0], product.Output) ? 1 : 0;
        return add.Inputs[index]!.Constant is Tensor<float> bias && bias.Length == weight.Outputs && bias.Shape.Rank > 0 && bias.Shape[bias.Shape.Rank - 1] == weight.Outputs ? new Use(add, index) : null;
    }
}
