using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// Rounds the bias of INT8 convolutions and matrix products to whole units of the accumulator, <c>input scale * weight scale</c>, half to even. It stays a float constant, as TensorRT wants
/// it, and an engine that adds it to the int32 accumulator adds the same number.
/// </summary>
public sealed class SnapBias : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (LayerBias.Of(node) is not var (reader, operand) || AccumulatorUnits.Of(node) is not { } units) continue;
            var bias = (Tensor<float>)reader.Inputs[operand]!.Constant!;
            var snapped = Snapped(bias, units);
            if (snapped.Span.SequenceEqual(bias.Span)) continue;
            graph.SetConstantOperand(reader, operand, snapped, reader.Inputs[operand]!.Name);
            changes++;
        }
        return changes;
    }

    private static Tensor<float> Snapped(Tensor<float> bias, float[] units)
    {
        var snapped = bias.Clone();
        for (var k = 0; k < snapped.Length; k++)
        {
            double unit = units[k];
            var rounded = Math.Round(bias.Data[k] / unit, MidpointRounding.ToEven);
            // Beyond that, possible with scales of somebody else's only, a float cannot tell units apart.
            if (Math.Abs(rounded) <= 1 << 24) snapped.Data[k] = (float)(rounded * unit);
        }
        return snapped;
    }
}
