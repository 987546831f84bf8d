using Pith.Ops;
using Pith.Passes;

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

    /// <summary>A copy of <paramref name="graph"/> to calibrate or train: in float32, whatever float type its file has.</summary>
    public static Graph Copy(Graph graph, StepContext context)
    {
        if (!SinglePrecision.IsNeededBy(graph)) return graph.Clone();
        context.Events?.Report(new Noted($"'{graph.Name}' computes in half or double precision: it is converted to float32 first, its inputs and outputs included."));
        return SinglePrecision.Of(graph);
    }
}
