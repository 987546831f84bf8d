using System.Text;
using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary>Where <c>pith infer --output</c> writes: one .npz with all outputs by name, or a folder with an .npy file for each.</summary>
internal static class OutputFiles
{
    /// <summary>Writes the outputs; each file whole or not at all.</summary>
    /// <param name="path">The archive when it ends in .npz, else the folder.</param>
    /// <param name="outputs">Names and tensors in order.</param>
    /// <returns>The file of each output.</returns>
    /// <exception cref="PithException">A file cannot be written.</exception>
    public static IReadOnlyList<string> Write(string path, IReadOnlyList<(string Name, Tensor Tensor)> outputs)
    {
        if (TensorFile.IsArchive(path))
        {
            Npz.Write(path, outputs.Select(output => KeyValuePair.Create(output.Name, output.Tensor)));
            return [.. outputs.Select(_ => path)];
        }
        var files = FileNames([.. outputs.Select(output => output.Name)]).Select(name => Path.Combine(path, name)).ToArray();
        for (var i = 0; i < files.Length; i++) Npy.Write(files[i], outputs[i].Tensor);
        return files;
    }

    // Names of outputs hold slashes, colons and worse; two that differ in these only still need two files.
    private static IEnumerable<string> FileNames(IReadOnlyList<string> names)
    {
        var taken = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var name in names)
        {
            var safe = new StringBuilder();
            foreach (var c in name) safe.Append(char.IsAsciiLetterOrDigit(c) || c is '-' or '_' || (c == '.' && safe.Length > 0) ? c : '_');
            var file = safe.Length == 0 ? "output" : safe.ToString();
            var free = file;
            for (var suffix = 1; !taken.Add(free); suffix++) free = $"{file}_{suffix}";
            yield return free + ".npy";
        }
    }
}
