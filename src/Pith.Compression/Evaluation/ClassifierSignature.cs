using Pith.Compression.Data;

namespace Pith.Compression.Evaluation;

/// <summary>What a classifier of images or token sequences takes and gives, for checks before anything runs.</summary>
/// <param name="Model">The network's name, for messages.</param>
/// <param name="Input">Its input.</param>
/// <param name="Output">The name of its first output, [N, <paramref name="Classes"/>].</param>
/// <param name="Classes">Outputs per image.</param>
internal sealed record ClassifierSignature(string Model, ImageInput Input, string Output, int Classes)
{
    /// <summary>C, H and W of an image; 1, 1 and the tokens of a sequence.</summary>
    public ImageShape Image => Input.Shape;

    /// <exception cref="PithException">The graph is not an image classifier.</exception>
    public static ClassifierSignature Of(Graph graph) =>
        Of(graph.Name, [.. graph.Inputs.Select(input => (input.Name, input.Type))], [.. graph.Outputs.Select(output => (output.Name, output.Type))]);

    /// <exception cref="PithException">The network is not an image classifier.</exception>
    public static ClassifierSignature Of(Engine engine) => Of(engine.Name, engine.Inputs, engine.Outputs);

    private static ClassifierSignature Of(string model, IReadOnlyList<(string Name, TensorType Type)> inputs, IReadOnlyList<(string Name, TensorType Type)> outputs)
    {
        if (inputs.Count != 1 || outputs.Count == 0) throw Unfit(model, $"it has {inputs.Count} inputs and {outputs.Count} outputs, expected one input and at least one output");
        var (input, image) = inputs[0];
        if (!new ImageInput(input, image).IsKnown) throw Unfit(model, $"its input '{input}' is {image}, expected float or uint8 images [N, C, H, W] or [N, H, W, C] with known C, H and W (the command line gives H and W by --size), or token ids, int64 or int32 [N, T]");
        var (output, scores) = outputs[0];
        // Some networks end in [N, K, 1, 1].
        var classes = scores.Dims.Skip(1).Where(dim => dim != 1).DefaultIfEmpty(1).ToArray();
        if (!scores.DataType.IsFloat() || scores.Rank < 2 || classes.Length != 1 || !classes[0].IsFixed) throw Unfit(model, $"its output '{output}' is {scores}, expected one float per class, [N, K]");
        return new(model, new ImageInput(input, image), output, classes[0].Size);
    }

    /// <summary>The scores of the last run as float32, [N, <see cref="Classes"/>]; valid until the next run.</summary>
    public ReadOnlySpan<float> Scores(EngineContext context) =>
        context.Engine.Outputs[0].Type.DataType == DataType.Float32 ? context.Output<float>(Output) : context.OutputTensor(Output).ConvertTo(DataType.Float32).As<float>().Span;

    /// <summary>Checks that the data fits.</summary>
    /// <exception cref="PithException">Image sizes differ, or the data has no labels, more classes than the network, or fewer classes and no list that maps them to outputs.</exception>
    public void RequireFit(ImageDataset dataset, BatchLoader loader)
    {
        if (!dataset.HasLabels) throw new PithException($"Dataset '{dataset.Name}' has images without labels, which serve for calibration only. Expected one sub-folder for each class, with its images in it.");
        Input.RequireFit(Model, dataset, loader);
        var found = $"Model '{Model}' has {Classes} outputs, dataset '{dataset.Name}' has {dataset.ClassNames.Count} classes";
        if (dataset.ClassNames.Count > Classes) throw new PithException($"{found}. Do they belong together?");
        // Wrong class indices would look like a bad network.
        if (dataset.IsNumberedByName && dataset.ClassNames.Count < Classes)
            throw new PithException($"{found} in {dataset.Count} images, numbered only by the order of the folders' names. Map them to outputs with a file classes.txt in the folder or beside it, with lines INDEX FOLDER.");
    }

    private static PithException Unfit(string model, string why) => new($"Model '{model}' is not an image classifier, nor one of token sequences: {why}.");
}
