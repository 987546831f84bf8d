using System.Text.Json.Nodes;
using Pith.Models;

namespace Pith.Compression.Recipes;

/// <summary>Networks of the catalog as recipes and the command line start from them: the metadata say how the initial weights came about.</summary>
internal static class BuiltInModel
{
    /// <summary>Builds a network and notes its name and options in its <see cref="Provenance"/>.</summary>
    /// <exception cref="PithException">There is no such network, or an option is out of range.</exception>
    public static Graph Build(string name, ModelOptions options)
    {
        var graph = ModelCatalog.Find(name).Build(options);
        var settings = new JsonObject { ["builder"] = name, ["seed"] = options.Seed };
        if (options.Classes is { } classes) settings["classes"] = classes;
        if (options.Resolution is { } resolution) settings["resolution"] = resolution;
        if (options.Width is { } width) settings["width"] = width;
        new Provenance { Step = "models", Pith = PithVersion.Text, Model = ModelHash.Of(graph), Settings = settings }.AddTo(graph, graph, null);
        return graph;
    }
}
