using Pith.Ops;

namespace Pith.Compression.Recipes;

/// <summary>Steps that train or calibrate start from float numbers: the integers of a quantized model have lost what training needs.</summary>
internal static class FloatModel
{
    /// <summary>The network to work on: a copy of <paramref name="graph"/>, in float32 whatever float type it had.</summary>
    /// <param name="graph">A network that is not quantized; not changed.</param>
    /// <param name="stage">The stage that is being made, for messages.</param>
    /// <param name="events">Receives a <see cref="Warning"/> when the network had another float type.</param>
    /// <exception cref="PithException">It has Q/DQ pairs or integer layers; the message names the first.</exception>
    public static Graph CopyOf(Graph graph, string stage, IProgress<PithEvent>? events)
    {
        var quantized = graph.Nodes.FirstOrDefault(node => node.Op is QuantizeLinear or DequantizeLinear or QLinearConv or QLinearMatMul or ConvInteger or MatMulInteger);
        if (quantized is not null)
            throw new PithException($"'{stage}' starts from a float model, but '{graph.Name}' is quantized already ({quantized.Op.Schema.Name} '{quantized.Name}'). Take the model from before quantization.");
        if (!Float32Form.IsNeeded(graph)) return graph.Clone();
        events?.Report(new Warning($"'{graph.Name}' has values in half or double precision; '{stage}' works in float32, and what it writes is float32 throughout, inputs and outputs included."));
        return Float32Form.Of(graph);
    }
}
