using Pith.Compression.Data;

namespace Pith.Compression;

/// <summary>What an image classifier takes and gives, for checks before anything runs.</summary>
/// <param name="Input">The name of its image input, [N, C, H, W].</param>
/// <param name="Image">C, H and W.</param>
/// <param name="Output">The name of its first output, [N, <paramref name="Classes"/>].</param>
/// <param name="Classes">Outputs per image.</param>
internal sealed record ClassifierSignature(string Input, ImageShape Image, string Output, int Classes)
{
    /// <exception cref="PithException">The graph is no image classifier.</exception>
    public static ClassifierSignature Of(Graph graph)
    {
        if (graph.Inputs.Count != 1 || graph.Outputs.Count == 0) throw Unfit(graph, $"it has {graph.Inputs.Count} inputs and {graph.Outputs.Count} outputs, expected one input and at least one output");
        var (input, output) = (graph.Inputs[0], graph.Outputs[0]);
        if (input.Type.DataType != DataType.Float32 || input.Type.Rank != 4 || !input.Type.Dims.Skip(1).All(dim => dim.IsFixed)) throw Unfit(graph, $"its input '{input.Name}' is {input.Type}, expected float images [N, C, H, W] with known C, H and W");
        // Some networks end in [N, K, 1, 1].
        var classes = output.Type.Dims.Skip(1).Where(dim => dim != 1).DefaultIfEmpty(1).ToArray();
        if (output.Type.DataType != DataType.Float32 || output.Type.Rank < 2 || classes.Length != 1 || !classes[0].IsFixed) throw Unfit(graph, $"its output '{output.Name}' is {output.Type}, expected one float per class, [N, K]");
        return new(input.Name, new ImageShape(input.Type[1].Size, input.Type[2].Size, input.Type[3].Size), output.Name, classes[0].Size);
    }

    /// <summary>Checks that the data fits.</summary>
    /// <exception cref="PithException">Image sizes differ, or the data has more classes than the network.</exception>
    public void RequireFit(Graph graph, ImageDataset dataset, BatchLoader loader)
    {
        if (loader.Shape != Image) throw new PithException($"Model '{graph.Name}' takes images of {Image}, dataset '{dataset.Name}' gives {loader.Shape} after preprocessing. Choose the preprocessing that the model was trained with.");
        if (dataset.ClassNames.Count > Classes) throw new PithException($"Model '{graph.Name}' has {Classes} outputs, dataset '{dataset.Name}' has {dataset.ClassNames.Count} classes. Do they belong together?");
    }

    private static PithException Unfit(Graph graph, string why) => new($"Model '{graph.Name}' is no image classifier: {why}.");
}
