using Pith.Compression.Data;

namespace Pith.Compression.Weights;

/// <summary>One format of files with named tensors.</summary>
/// <param name="Name">What people call it.</param>
/// <param name="Endings">The endings of its files, the usual one first, with the dot.</param>
/// <param name="Open">Opens a file; may throw <see cref="InvalidDataException"/> and what input and output throw.</param>
/// <param name="Write">Writes tensors, whose names differ, to an empty stream that can seek.</param>
internal sealed record WeightFormat(string Name, ValueList<string> Endings, Func<string, WeightFile> Open, Action<Stream, IReadOnlyList<KeyValuePair<string, Tensor>>> Write)
{
    /// <summary>Every format that is read and written. To add one: a file with its reader and writer, and a line here.</summary>
    public static IReadOnlyList<WeightFormat> All { get; } =
    [
        new("safetensors", [".safetensors"], SafetensorsFile.Open, SafetensorsFile.Write),
        new("PyTorch state dict", [".pth", ".pt", ".ckpt", ".bin"], PytorchFile.Open, PytorchWriter.Write),
        new("NumPy archive", [".npz"], NpzWeights.Open, Npz.Write),
    ];

    /// <summary>All endings, for messages and help.</summary>
    public static string AllEndings => string.Join(", ", All.SelectMany(format => format.Endings));

    /// <summary>The format of a path.</summary>
    /// <exception cref="PithException">Its ending is that of no format.</exception>
    public static WeightFormat Of(string path) => Find(path) ?? throw new PithException($"'{path}' does not end as a file of weights does. Expected one of {AllEndings}.");

    /// <summary>The format of a path; null when its ending is that of no format.</summary>
    public static WeightFormat? Find(string path) => All.FirstOrDefault(format => format.Endings.Any(ending => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase)));
}
