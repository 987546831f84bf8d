namespace Pith.Compression.Weights;

/// <summary>The parameters that a file holds, called as the network calls them.</summary>
internal static class StoredParameters
{
    // A counter of training steps beside each batch normalization.
    private const string Counter = "num_batches_tracked";

    /// <summary>The tensors of a file by the network's names, and what the user should know about the renaming.</summary>
    public static (IReadOnlyDictionary<string, StoredTensor> Tensors, IReadOnlyList<string> Notes) Of(WeightFile file, IReadOnlyList<Value> wanted)
    {
        StoredTensor[] tensors = [.. file.Tensors.Where(tensor => tensor.Name != Counter && !tensor.Name.EndsWith('.' + Counter, StringComparison.Ordinal))];
        var names = wanted.Select(value => value.Name).ToHashSet(StringComparer.Ordinal);
        var prefix = CommonPrefix(tensors);
        var fits = prefix.Length > 0 && tensors.Count(tensor => names.Contains(tensor.Name[prefix.Length..])) > tensors.Count(tensor => names.Contains(tensor.Name));
        var taken = fits ? prefix.Length : 0;
        return (tensors.ToDictionary(tensor => tensor.Name[taken..], StringComparer.Ordinal), fits ? [$"'{file.Path}': the prefix '{prefix}' of all names is taken off."] : []);
    }

    /// <summary>What all names begin with, up to a dot.</summary>
    private static string CommonPrefix(StoredTensor[] tensors)
    {
        if (tensors.Length == 0) return "";
        var (first, length) = (tensors[0].Name, tensors[0].Name.Length);
        foreach (var tensor in tensors) length = Math.Min(length, first.AsSpan().CommonPrefixLength(tensor.Name));
        return first[..(first.AsSpan(0, length).LastIndexOf('.') + 1)];
    }
}
