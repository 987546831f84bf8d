using Pith.Ops;

namespace Pith.Passes;

/// <summary>Moves a per-channel scale and shift into the weight and bias of the convolution or Gemm before it.</summary>
internal static class AffineFolding
{
    /// <summary>
    /// Folds <paramref name="follower"/>, which computes <paramref name="affine"/> on <paramref name="data"/>, into the producer of <paramref name="data"/>.
    /// </summary>
    /// <returns>False, with nothing changed, when the producer is no convolution or Gemm, somebody else reads its result, or weight or bias are computed.</returns>
    public static bool TryFold(Graph graph, Node follower, Value data, ChannelAffine affine)
    {
        if (data.Producer is not { } producer || data.SingleConsumer != follower) return false;
        if (WeightLayout.Of(producer) is not { } layout || layout.Channels != affine.Scale.Length) return false;
        if (BiasOf(producer, layout) is not { } bias) return false;
        if (!affine.IsShiftOnly && !new FoldableWeight(graph, producer, layout).TryScale(affine.Scale)) return false;

        var shifted = bias.Select((element, c) => element * affine.Scale[c] + affine.Shift[c]).ToArray();
        if (producer.Input(2) is not null || shifted.Any(element => element != 0)) SetBias(graph, producer, shifted);
        graph.ReplaceBy(follower, producer.Output);
        return true;
    }

    /// <summary>One element per channel; zeros without a bias, null when it is not a constant of that form.</summary>
    private static double[]? BiasOf(Node producer, WeightLayout layout)
    {
        if (producer.Op is Gemm { Beta: not 1 }) return null;
        if (producer.Input(2) is not { } bias) return new double[layout.Channels];
        if (bias.Constant is not { } constant) return null;
        var elements = Reals.Of(constant);
        if (elements.Length == 1) return [.. Enumerable.Repeat(elements[0], layout.Channels)];
        return elements.Length == layout.Channels && constant.Shape[-1] == layout.Channels ? elements : null;
    }

    private static void SetBias(Graph graph, Node producer, double[] elements)
    {
        var type = producer.Output.Type.DataType;
        var bias = Reals.Create(type, new Shape(elements.Length), elements);
        graph.SetConstantOperand(producer, 2, bias, producer.Input(2)?.Name ?? $"{producer.Name}:bias");
    }
}
