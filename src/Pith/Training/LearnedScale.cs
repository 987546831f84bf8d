using Pith.Ops;

namespace Pith.Training;

/// <summary>
/// A scale that is trained with the weights (Esser et al., "Learned step size quantization", 2020). Its gradient is multiplied by 1 / sqrt(N * Q), with N elements that share the scale and the largest step Q (section 2.2): then its
/// updates are as large, relative to it, as those of weights. Of weights N is counted over the tensor, or over an output channel where each has a scale; of activations over one image.
/// </summary>
/// <param name="Constant">The scale.</param>
/// <param name="GradientFactor">1 / sqrt(N * Q).</param>
internal sealed record LearnedScale(Value Constant, float GradientFactor)
{
    /// <summary>The scales of the QuantizeLinear nodes among <paramref name="nodes"/>, in order.</summary>
    public static IReadOnlyList<LearnedScale> Find(IReadOnlyList<Node> nodes) =>
    [
        .. nodes.Where(node => node is { Op: QuantizeLinear { BlockSize: 0 } } && node.Inputs[1]!.Constant is Tensor<float>)
            .GroupBy(node => node.Inputs[1]!)
            .Select(readers => new LearnedScale(readers.First().Inputs[1]!, (float)(1 / Math.Sqrt(readers.Sum(Elements) * LargestStep(readers.First()))))),
    ];

    private static double Elements(Node quantize)
    {
        var (data, scales) = (quantize.Inputs[0]!, quantize.Inputs[1]!.Constant!.Length);
        // The first axis of activations is the batch; a size that is not known counts as one.
        var dims = data.Constant is null ? data.Type.Dims.Skip(1) : data.Type.Dims;
        return dims.Aggregate(1.0, (product, dim) => product * (dim.IsFixed ? dim.Size : 1)) / scales;
    }

    private static int LargestStep(Node quantize)
    {
        var zero = quantize.Input(2)?.Constant is { } zeros ? zeros.ConvertTo(DataType.Int32).As<int>().Data[0] : 0;
        return Math.Max(1, FakeQuantizeGradient.PassingRange(quantize.Output.Type.DataType, zero).Largest);
    }
}
