using Pith.Ops;

namespace Pith;

/// <summary>Moves a per-channel scale and shift into the weight and bias of the convolution or Gemm before it.</summary>
internal static class AffineFolding
{
    /// <summary>
    /// Folds <paramref name="follower"/>, which computes <paramref name="affine"/> on <paramref name="data"/>, into the producer of <paramref name="data"/>.
    /// </summary>
    /// <returns>
    /// False, with nothing changed, when the producer is not a convolution or Gemm, somebody else reads its result, weight or bias are computed, or they cannot hold the result: a factor or shift is NaN or
    /// infinite, or a product leaves the range of its type (<see cref="FoldableWeight.TryScale"/>). The follower then stays an op of its own.
    /// </returns>
    public static bool TryFold(Graph graph, Node follower, Value data, ChannelAffine affine)
    {
        if (data.Producer is not { } producer || data.SingleConsumer != follower || !affine.IsFinite) return false;
        if (WeightLayout.Of(producer) is not { } layout || layout.Channels != affine.Scale.Count) return false;
        if (BiasOf(producer, layout) is not { } bias) return false;

        var type = producer.Output.Type.DataType;
        var shifted = Reals.Create(type, new Shape(layout.Channels), [.. bias.Select((element, c) => element * affine.Scale[c] + affine.Shift[c])]);
        var sums = Reals.Of(shifted);
        if (!sums.All(double.IsFinite)) return false;
        if (!affine.IsShiftOnly && !new FoldableWeight(graph, producer, layout).TryScale([.. affine.Scale], sums)) return false;

        if (producer.Input(2) is not null || sums.Any(element => element != 0)) graph.SetConstantOperand(producer, 2, shifted, producer.Input(2)?.Name ?? $"{producer.Name}:bias");
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
}
