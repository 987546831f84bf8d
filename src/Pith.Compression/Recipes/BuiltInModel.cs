using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Pith.Compression.Data;
using Pith.Compression.Weights;
using Pith.Models;

namespace Pith.Compression.Recipes;

/// <summary>Networks of the catalog as recipes and the command line start from them: the metadata say how the initial weights came about, by a seed or from a file.</summary>
internal static class BuiltInModel
{
    /// <summary>Builds a network and notes its name and options in its <see cref="Provenance"/>.</summary>
    /// <param name="name">One of <see cref="ModelCatalog"/>.</param>
    /// <param name="options">What was chosen about it.</param>
    /// <param name="weights">A file with its parameters; null: they are random numbers.</param>
    /// <param name="events">Receives a <see cref="Warning"/> for what was passed over in the file.</param>
    /// <exception cref="PithException">There is no such network, an option is out of range, or the file does not hold this network's parameters.</exception>
    public static Graph Build(string name, ModelOptions options, string? weights = null, IProgress<PithEvent>? events = null)
    {
        var graph = ModelCatalog.Find(name).Build(options);
        if (weights is not null) Load(graph, weights, events);
        var settings = new JsonObject { ["builder"] = name, ["seed"] = options.Seed };
        if (options.Classes is { } classes) settings["classes"] = classes;
        if (options.Resolution is { } resolution) settings["resolution"] = resolution;
        if (options.Width is { } width) settings["width"] = width;
        if (weights is not null) (settings["weights"], settings["weights_sha256"]) = (Path.GetFileName(weights), HashOf(weights));
        new Provenance { Step = "models", Pith = PithVersion.Text, Model = ModelHash.Of(graph), Settings = settings }.AddTo(graph, graph, null);
        return graph;
    }

    private static void Load(Graph graph, string weights, IProgress<PithEvent>? events)
    {
        using var file = WeightFile.Open(weights);
        foreach (var note in StateDict.Load(graph, file)) events?.Report(new Warning(note));
    }

    private static string HashOf(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return Convert.ToHexStringLower(SHA256.HashData(file));
        }
        catch (Exception failure) when (DataFile.IsUnreadable(failure))
        {
            throw DataFile.Unreadable(path, failure);
        }
    }
}
