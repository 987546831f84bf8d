using Pith.Models;

namespace Pith.Cli.Verbs;

/// <summary>The argument MODEL of most verbs: an ONNX file, or the name of a network that Pith can build.</summary>
internal static class ModelFile
{
    public const string Help = "An ONNX file, or the name of a built-in network (pith models).";

    /// <summary>Loads the file, or builds the network with seed 0.</summary>
    /// <param name="model">What the user gave.</param>
    /// <param name="size">The size of the inputs. A network of images of another size is built anew for it, if its layers allow; null for the size that it has, or to leave it open.</param>
    /// <exception cref="PithException">Neither exists, the file is damaged or not supported, or the network does not take images of this size.</exception>
    public static Graph Load(string model, InputSize? size = null)
    {
        if (File.Exists(model)) return LoadFile(model, size);
        if (Directory.Exists(model)) throw new PithException($"'{model}' is a folder; expected an ONNX file, or the name of a built-in network (pith models).");
        if (ModelCatalog.All.FirstOrDefault(known => known.Name == model) is not { } description)
            throw new PithException($"There is no file '{model}', and no built-in network of that name. Built-in networks: {string.Join(", ", ModelCatalog.All.Select(known => known.Name))}.");
        return Resized(model, BuiltInModel.Build(description.Name, new ModelOptions()), size);
    }

    private static Graph Resized(string model, Graph graph, InputSize? size)
    {
        if (size is not { } given) return graph;
        (string, TensorType)[] inputs = [.. graph.Inputs.Select(input => (input.Name, input.Type))];
        if (given is ImageSize image && image.Differs(inputs)) return ImageResizing.Resize(graph, image.Height, image.Width);
        var sizes = given.Bind(model, inputs);
        return sizes.Count == 0 ? graph : graph.Clone([.. sizes.Select(size => (size.Key, size.Value))]);
    }

    private static Graph LoadFile(string model, InputSize? size)
    {
        if (EngineFile.IsPlan(model)) throw new PithException($"'{model}' is a plan, not an ONNX model: its weights are packed for kernels. Give the ONNX file that it was built from.");
        try
        {
            if (size is ImageSize given && given.Differs(OnnxModel.ReadInputs(model))) return Resized(model, OnnxModel.Load(model), size);
            return OnnxModel.Load(model, ImportOptions(model, size));
        }
        catch (PithException failure) when (size is null && OpenImages(model) is { } inputs)
        {
            throw new PithException($"{failure.Message} Height and width are open ({inputs}); the import may succeed with their size: --size WIDTHxHEIGHT.", failure);
        }
    }

    /// <summary>The inputs, when one is an image of open height or width; null when none is, or the file says nothing.</summary>
    private static string? OpenImages(string model)
    {
        try
        {
            var inputs = OnnxModel.ReadInputs(model);
            return inputs.Any(input => input.Type.Rank == 4 && input.Type.Dims.Skip(1).Any(dim => !dim.IsFixed)) ? SymbolSizes.Text(inputs) : null;
        }
        catch (PithException)
        {
            // The failure that is being reported says more.
            return null;
        }
    }

    /// <summary>How a model file is imported so that its images have this size.</summary>
    /// <exception cref="PithException">The network does not take images of this size.</exception>
    public static OnnxImportOptions ImportOptions(string model, InputSize? size) =>
        size is not { } given ? new OnnxImportOptions() : new OnnxImportOptions { Sizes = given.Bind(model, OnnxModel.ReadInputs(model)) };

    /// <summary>Refuses an output path that is the input, which a crash in between could lose, or that says it is a plan.</summary>
    public static string Output(string? output, string model, string suffix)
    {
        if (output is null) return Path.ChangeExtension(model, null) + suffix;
        if (Path.GetFullPath(output) == Path.GetFullPath(model)) throw new UsageException($"--output is the input '{model}'; choose another name.");
        if (EngineFile.IsPlan(output) && !EngineFile.IsPlan(suffix)) throw new UsageException($"--output '{output}' ends in {EngineFile.PlanSuffix}, which other verbs take for a plan; expected {Path.GetExtension(suffix)}.");
        return output;
    }
}
