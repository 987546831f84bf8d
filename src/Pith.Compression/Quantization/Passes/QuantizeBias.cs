using Pith.Ops;
using Pith.Passes;

namespace Pith.Compression.Quantization;

/// <summary>
/// Stores the bias of INT8 convolutions and matrix products as int32 with a DequantizeLinear of scale <c>input scale * weight scale</c>, one per channel: the accumulator's own units.
/// </summary>
public sealed class QuantizeBias : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (AccumulatorUnits.Of(node) is not { } units || node.Input(2) is not { Constant: Tensor<float> bias } value) continue;
            var integers = new int[bias.Length];
            for (var k = 0; k < integers.Length; k++) integers[k] = (int)Math.Clamp(Math.Round(bias.Data[k] / (double)units[k], MidpointRounding.ToEven), -int.MaxValue, int.MaxValue);
            var quantized = graph.AddConstant($"{value.Name}/int32", Tensor.Create(bias.Shape, integers));
            var scale = graph.AddConstant($"{value.Name}/scale", Tensor.Create(bias.Shape, units));
            graph.ReplaceInput(node, 2, graph.AddNode(new DequantizeLinear { Axis = 0 }, [quantized, scale], $"{value.Name}/DequantizeLinear", [$"{value.Name}/dequantized"]).Output);
            changes++;
        }
        return changes;
    }
}
