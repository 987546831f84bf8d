namespace Pith.Compression.Weights;

/// <summary>Says how the parameters of a file differ from those of a network.</summary>
internal static class StateDictMismatch
{
    private const int MostListed = 8;

    /// <summary>Refuses a file whose parameters are not exactly those of the network.</summary>
    /// <param name="graph">The network.</param>
    /// <param name="file">The file.</param>
    /// <param name="wanted">The network's parameters, shapes as a file has them.</param>
    /// <param name="stored">The file's, called as the network calls them.</param>
    /// <exception cref="PithException">They differ; the message lists how.</exception>
    public static void Require(Graph graph, WeightFile file, IEnumerable<(string Name, DataType Type, Shape Shape)> wanted, IReadOnlyDictionary<string, StoredTensor> stored)
    {
        var parameters = wanted.ToArray();
        var names = parameters.Select(parameter => parameter.Name).ToHashSet(StringComparer.Ordinal);
        string[] missing = [.. parameters.Where(parameter => !stored.ContainsKey(parameter.Name)).Select(parameter => $"{parameter.Name} {parameter.Type.ShortName()}{parameter.Shape}")];
        string[] leftOver = [.. stored.Where(tensor => !names.Contains(tensor.Key)).Select(tensor => $"{tensor.Key} {tensor.Value.DataType.ShortName()}{tensor.Value.Shape}")];
        var different = parameters.Where(parameter => stored.TryGetValue(parameter.Name, out var tensor) && (tensor.Shape != parameter.Shape || !Converts(tensor.DataType, parameter.Type))).ToArray();
        if (missing.Length + leftOver.Length + different.Length == 0) return;
        string[] shapes = [.. different.Select(parameter => $"{parameter.Name} expected {parameter.Type.ShortName()}{parameter.Shape}, got {stored[parameter.Name].DataType.ShortName()}{stored[parameter.Name].Shape}")];
        var advice = missing.Length + leftOver.Length == 0 && Classes(graph, different, stored) is { } classes
            ? $"The file is of a network with {classes} classes: build it with as many (pith models {graph.Name} --weights FILE --classes {classes})."
            : missing.Length == parameters.Length ? "No name fits: is it a file of another network, or not under the names of PyTorch (torchvision)?"
            : "Expected the parameters of exactly this network, under torchvision's names; the batch normalizations must not be folded into the weights.";
        throw new PithException($"'{file.Path}' does not fit network '{graph.Name}'.{Listed("Missing", missing)}{Listed("Left over", leftOver)}{Listed("Of another shape or type", shapes)} {advice}");
    }

    // Floats of any width become the network's; integers stay what they are.
    private static bool Converts(DataType from, DataType to) => from == to || IsFloat(from) && IsFloat(to);

    private static bool IsFloat(DataType type) => type.IsFloat() || type == DataType.BFloat16;

    /// <summary>The number of classes that the file was made for, when nothing else differs: all that differs has a row for each class.</summary>
    private static int? Classes(Graph graph, (string Name, DataType Type, Shape Shape)[] different, IReadOnlyDictionary<string, StoredTensor> stored)
    {
        if (graph.Outputs is not [{ Type: { Rank: 2 } output }] || !output[1].IsFixed) return null;
        int[] rows = [.. different.Select(parameter => stored[parameter.Name].Shape is { Rank: > 0 } shape ? shape[0] : 0).Distinct()];
        return rows is [> 0 and var classes] && different.All(parameter => parameter.Shape.Rank > 0 && parameter.Shape[0] == output[1].Size && stored[parameter.Name].Shape == parameter.Shape.With(0, classes)) ? classes : null;
    }

    private static string Listed(string what, string[] items) => items.Length == 0 ? ""
        : $" {what} ({items.Length}): {string.Join("; ", items.Take(MostListed))}{(items.Length > MostListed ? $" and {items.Length - MostListed} more" : "")}.";
}
