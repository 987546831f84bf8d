using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// Gives activations short scales again after training changed them: the nearest <see cref="ShortScale"/>, at most 1/17 away. Calibrated scales are short already.
/// </summary>
public sealed class ShortenActivationScales : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var changes = 0;
        var scales = graph.Nodes.Where(node => node is { Op: QuantizeLinear { BlockSize: 0 } } && node.Inputs[0]!.Constant is null).Select(node => node.Inputs[1]!).Distinct().ToArray();
        foreach (var scale in scales)
        {
            if (scale.Constant is not Tensor<float> { Length: 1 } value || !(value.Data[0] > 0) || !float.IsFinite(value.Data[0]) || ShortScale.IsShort(value.Data[0])) continue;
            graph.SetConstant(scale, Tensor.Create(value.Shape, [ShortScale.RoundToNearest(value.Data[0])]));
            changes++;
        }
        return changes;
    }
}
