using Pith.Models;

namespace Pith.Cli.Verbs;

/// <summary>The argument MODEL of most verbs: an ONNX file, or the name of a network that Pith can build.</summary>
internal static class ModelFile
{
    public const string Help = "An ONNX file, or the name of a built-in network (pith models).";

    /// <summary>Loads the file, or builds the network with seed 0.</summary>
    /// <exception cref="PithException">Neither exists, or the file is damaged or not supported.</exception>
    public static Graph Load(string model)
    {
        if (File.Exists(model)) return OnnxModel.Load(model);
        if (ModelCatalog.All.FirstOrDefault(known => known.Name == model) is { } description) return description.Build();
        throw new PithException($"There is no file '{model}', and no built-in network of that name. Built-in networks: {string.Join(", ", ModelCatalog.All.Select(known => known.Name))}.");
    }

    /// <summary>Refuses an output path that is the input, which a crash in between could lose.</summary>
    public static string Output(string? output, string model, string suffix)
    {
        if (output is null) return Path.ChangeExtension(model, null) + suffix;
        if (Path.GetFullPath(output) == Path.GetFullPath(model)) throw new UsageException($"--output is the input '{model}'; choose another name.");
        return output;
    }
}
