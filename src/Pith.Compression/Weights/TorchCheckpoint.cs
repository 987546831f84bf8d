using System.Numerics;

namespace Pith.Compression.Weights;

/// <summary>Finds the state dict in what a PyTorch file holds: the dictionary itself, or an entry of a training checkpoint.</summary>
internal static class TorchCheckpoint
{
    private const int MostWrappers = 3, MostListed = 12;

    // The entries that training programs keep a state dict in, in the order in which they are preferred.
    private static readonly string[] s_wrappers = ["state_dict", "model_state_dict", "model_state", "model", "net", "network", "params", "weights", "module", "state_dict_ema", "model_ema"];

    /// <summary>The tensors of a state dict.</summary>
    /// <param name="path">The file.</param>
    /// <param name="content">What its pickle holds.</param>
    /// <param name="read">The bytes of a storage, from a position on: (storage, first byte, number of bytes).</param>
    /// <param name="resource">What <paramref name="read"/> reads from; the file disposes of it.</param>
    /// <exception cref="PithException">There is no state dict in it.</exception>
    public static WeightFile ToFile(string path, object? content, Func<TorchStorage, long, long, ReadOnlyMemory<byte>> read, IDisposable resource)
    {
        var (dictionary, notes) = StateDict(path, content);
        StoredTensor[] tensors =
        [
            .. from entry in dictionary.Named
               let tensor = entry.Value as TorchTensor
               where tensor is not null
               select new StoredTensor(entry.Key, tensor.Storage.Type, SafetensorsFile.ShapeOf(tensor.Sizes, entry.Key), () => tensor.Read(read)),
        ];
        return new WeightFile(path, tensors, resource, notes);
    }

    private static (PickleDict Dictionary, IReadOnlyList<string> Notes) StateDict(string path, object? content)
    {
        var notes = new List<string>();
        for (var depth = 0; depth < MostWrappers; depth++)
        {
            if (content is not PickleDict dictionary) throw new PithException($"'{path}' holds {Kind(content)}, expected a dictionary of tensors: torch.save(model.state_dict(), FILE).");
            string[] wrappers = [.. s_wrappers.Where(name => dictionary.Find(name) is PickleDict)];
            if (wrappers.Length == 0)
                return dictionary.Named.Any(entry => entry.Value is TorchTensor) ? (dictionary, notes)
                    : throw new PithException($"'{path}' is a dictionary without tensors ({Keys(dictionary)}). Expected a state dict, or a checkpoint with one as {string.Join(", ", s_wrappers)}.");
            content = dictionary.Find(wrappers[0]);
            notes.Add($"'{path}' is a checkpoint: its entry '{wrappers[0]}' is used{(wrappers.Length > 1 ? $", not {string.Join(", ", wrappers.Skip(1).Select(name => $"'{name}'"))}" : "")}.");
        }
        throw new PithException($"'{path}' has more than {MostWrappers} dictionaries around its tensors. Save the state dict alone: torch.save(model.state_dict(), FILE).");
    }

    private static string Keys(PickleDict dictionary)
    {
        string[] keys = [.. dictionary.Named.Select(entry => $"'{entry.Key}'")];
        return keys.Length == 0 ? "it has no named entry" : $"its entries are {string.Join(", ", keys.Take(MostListed))}{(keys.Length > MostListed ? $" and {keys.Length - MostListed} more" : "")}";
    }

    private static string Kind(object? content) => content switch
    {
        TorchTensor => "one tensor",
        List<object?> => "a list",
        object?[] => "a tuple",
        null => "None",
        string => "a text",
        long or double or BigInteger => "a number",
        _ => "something else",
    };
}
