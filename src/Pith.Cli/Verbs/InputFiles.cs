using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>The values of <c>--input</c>: NAME=FILE, a folder with input_0.pb, …, an archive of named arrays, or the file of the only input.</summary>
internal static class InputFiles
{
    public const string Help = "Tensor for an input: NAME=FILE (.npy, .npz, .pb). Or, for all inputs: an .npz with an array for each, or a folder with input_0.pb, input_1.pb, … Without NAME= for the only input. May be repeated, or given several values.";

    /// <summary>Reads one tensor for each input.</summary>
    /// <param name="inputs">The network's inputs.</param>
    /// <param name="given">What the user gave.</param>
    /// <returns>The tensors in the order of the inputs.</returns>
    /// <exception cref="UsageException">An input is missing, unknown or given twice.</exception>
    /// <exception cref="PithException">A file cannot be read.</exception>
    public static IReadOnlyList<Tensor> Read(IReadOnlyList<(string Name, TensorType Type)> inputs, IReadOnlyList<string> given)
    {
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var text in given)
        {
            foreach (var (name, tensor) in Read(inputs, text))
            {
                if (!inputs.Any(input => input.Name == name)) throw new UsageException($"--input {text}: the network has no input '{name}'. {Takes(inputs)}");
                if (!tensors.TryAdd(name, tensor)) throw new UsageException($"--input {text}: the input '{name}' is given twice.");
            }
        }
        var missing = inputs.Where(input => !tensors.ContainsKey(input.Name)).ToArray();
        if (missing.Length > 0) throw new UsageException($"No data for {string.Join(", ", missing.Select(input => $"'{input.Name}'"))}. {Takes(inputs)} Give each by --input NAME=FILE.");
        return [.. inputs.Select(input => tensors[input.Name])];
    }

    private static IEnumerable<(string Name, Tensor Tensor)> Read(IReadOnlyList<(string Name, TensorType Type)> inputs, string text)
    {
        // A name may hold an equals sign itself.
        var named = inputs.Select(input => input.Name).Where(name => text.StartsWith(name + "=", StringComparison.Ordinal)).MaxBy(name => name.Length);
        if (named is not null) return [(named, TensorFile.Read(text[(named.Length + 1)..], named))];
        if (Directory.Exists(text)) return ReadFolder(inputs, text);
        if (File.Exists(text))
        {
            if (TensorFile.IsArchive(text) && Npz.Names(text) is var names && (inputs.Count != 1 || names.Count != 1)) return [.. names.Select(name => (name, Npz.Read(text, name)))];
            return inputs.Count == 1 ? [(inputs[0].Name, TensorFile.Read(text, inputs[0].Name))] : throw new UsageException($"--input {text}: for which input? {Takes(inputs)} Write NAME={text}.");
        }
        throw text.IndexOf('=', StringComparison.Ordinal) is var at and > 0
            ? new UsageException($"--input {text}: the network has no input '{text[..at]}'. {Takes(inputs)}")
            : new UsageException($"--input {text}: there is no such file or folder. Expected NAME=FILE, an .npz, or a folder with input_0.pb, ….");
    }

    private static IEnumerable<(string Name, Tensor Tensor)> ReadFolder(IReadOnlyList<(string Name, TensorType Type)> inputs, string folder)
    {
        var tensors = TestDataSet.LoadInputs(folder);
        return tensors.Count == inputs.Count
            ? inputs.Select(input => input.Name).Zip(tensors)
            : throw new UsageException($"--input {folder}: the folder has {tensors.Count} files input_*.pb, the network {inputs.Count} inputs. {Takes(inputs)}");
    }

    private static string Takes(IReadOnlyList<(string Name, TensorType Type)> inputs) => $"It takes: {SymbolSizes.Text(inputs)}.";
}
