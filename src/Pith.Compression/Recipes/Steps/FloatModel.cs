using Pith.Ops;

namespace Pith.Compression;

/// <summary>Steps that train or calibrate start from float numbers: the integers of a quantized model have lost what training needs.</summary>
internal static class FloatModel
{
    /// <summary>Returns when <paramref name="graph"/> is not quantized.</summary>
    /// <exception cref="PithException">It has Q/DQ pairs or integer layers; the message names the first.</exception>
    public static void Require(Graph graph, string stage)
    {
        var quantized = graph.Nodes.FirstOrDefault(node => node.Op is QuantizeLinear or DequantizeLinear or QLinearConv or QLinearMatMul or ConvInteger or MatMulInteger);
        if (quantized is not null)
            throw new PithException($"'{stage}' starts from a float model, but '{graph.Name}' is quantized already ({quantized.Op.Schema.Name} '{quantized.Name}'). Take the model from before quantization.");
    }
}
