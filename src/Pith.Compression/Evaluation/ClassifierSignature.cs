using Pith.Compression.Data;

namespace Pith.Compression.Evaluation;

/// <summary>What a classifier of images, token sequences or other inputs takes and gives, for checks before anything runs.</summary>
/// <param name="Model">The network's name, for messages.</param>
/// <param name="Input">Its inputs.</param>
/// <param name="Output">The name of its first output, [N, <paramref name="Classes"/>].</param>
/// <param name="Classes">Outputs per image.</param>
internal sealed record ClassifierSignature(string Model, INetworkInputs Input, string Output, int Classes)
{
    /// <summary>The shape of one sample of a batch.</summary>
    public ImageShape Image => Input.Shape;

    /// <exception cref="PithException">The graph is not an image classifier.</exception>
    public static ClassifierSignature Of(Graph graph) =>
        Of(graph.Name, [.. graph.Inputs.Select(input => (input.Name, input.Type))], [.. graph.Outputs.Select(output => (output.Name, output.Type))]);

    /// <exception cref="PithException">The network is not an image classifier.</exception>
    public static ClassifierSignature Of(Engine engine) => Of(engine.Name, engine.Inputs, engine.Outputs);

    private static ClassifierSignature Of(string model, IReadOnlyList<(string Name, TensorType Type)> inputs, IReadOnlyList<(string Name, TensorType Type)> outputs)
    {
        if (outputs.Count == 0) throw Unfit(model, "it has no outputs");
        var input = INetworkInputs.Of(model, inputs);
        if (input.Unusable is { } reason) throw Unfit(model, $"it {reason}");
        var (output, scores) = outputs[0];
        // Some networks end in [N, K, 1, 1].
        var classes = scores.Dims.Skip(1).Where(dim => dim != 1).DefaultIfEmpty(1).ToArray();
        if (!scores.DataType.IsFloat() || scores.Rank < 2 || classes.Length != 1 || !classes[0].IsFixed) throw Unfit(model, $"its output '{output}' is {scores}, expected one float per class, [N, K]", input is ImageInput ? "an image classifier" : "a classifier");
        return new(model, input, output, classes[0].Size);
    }

    /// <summary>The scores of the last run as float32, [N, <see cref="Classes"/>]; valid until the next run.</summary>
    public ReadOnlySpan<float> Scores(EngineContext context) =>
        context.Engine.Outputs[0].Type.DataType == DataType.Float32 ? context.Output<float>(Output) : context.OutputTensor(Output).ConvertTo(DataType.Float32).As<float>().Span;

    /// <summary>A loader of labelled data whose batches the network takes.</summary>
    /// <exception cref="PithException">Image sizes differ, or the data has no labels, more classes than the network, or fewer classes and no list that maps them to outputs.</exception>
    public BatchLoader Load(ImageDataset dataset, Preprocessing preprocessing, BatchLoaderOptions options)
    {
        if (!dataset.HasLabels) throw new PithException($"Dataset '{dataset.Name}' has samples without labels, which serve for calibration only. Expected one sub-folder for each class with its images in it, or an archive with labels.");
        var loader = Input.Load(Model, dataset, preprocessing, options);
        var found = $"Model '{Model}' has {Classes} outputs, dataset '{dataset.Name}' has {dataset.ClassNames.Count} classes";
        if (dataset.ClassNames.Count > Classes) throw new PithException($"{found}. Do they belong together?");
        // Wrong class indices would look like a bad network.
        if (dataset.IsNumberedByName && dataset.ClassNames.Count < Classes)
            throw new PithException($"{found} in {dataset.Count} images, numbered only by the order of the folders' names. Map them to outputs with a file classes.txt in the folder or beside it, with lines INDEX FOLDER.");
        return loader;
    }

    private static PithException Unfit(string model, string why, string kind = "a classifier") => new($"Model '{model}' is not {kind}: {why}.");
}
