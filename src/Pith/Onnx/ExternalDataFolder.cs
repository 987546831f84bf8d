using System.Globalization;

namespace Pith.Onnx;

/// <summary>Reads tensors that a model keeps in files beside it. Only files inside the model's own folder are opened.</summary>
/// <param name="folder">The model's folder; null when the model did not come from a file.</param>
internal sealed class ExternalDataFolder(string? folder)
{
    /// <summary>Opens the file of a tensor at its first byte, after checking that all of <paramref name="byteCount"/> is there.</summary>
    /// <exception cref="PithException">The location leaves the folder, or the file is missing or too short.</exception>
    public FileStream Open(TensorProto tensor, string name, long byteCount)
    {
        var path = Resolve(Entry(tensor, "location") ?? throw Error(name, "has external data without a location"), name);
        var offset = Number(tensor, "offset", name) ?? 0;
        var length = Number(tensor, "length", name) ?? byteCount;
        if (length != byteCount) throw Error(name, $"has {length} bytes of external data, its shape needs {byteCount}");
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new PithException($"Tensor '{name}' has its data in '{path}', which cannot be read: {failure.Message} The data files must lie beside the model.", failure);
        }
        if (offset > stream.Length - byteCount)
        {
            using (stream) throw Error(name, $"has its data at bytes {offset} to {offset + byteCount} of '{path}', which has only {stream.Length}");
        }
        stream.Position = offset;
        return stream;
    }

    private string Resolve(string location, string name)
    {
        if (folder is null) throw Error(name, $"has its data in the file '{location}', but the model was not read from a file. Load it by its path");
        var parts = location.Split('/', '\\');
        if (Path.IsPathRooted(location) || parts.Contains("..") || location.Contains('\0', StringComparison.Ordinal) || location.Contains(':', StringComparison.Ordinal))
            throw Error(name, $"has its data at '{location}', outside the model's folder. Only files beside the model are read");
        return Path.Combine([folder, .. parts]);
    }

    private static long? Number(TensorProto tensor, string key, string name)
    {
        if (Entry(tensor, key) is not { } text) return null;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Error(name, $"has the external data {key} '{text}', which is not a number of bytes");
    }

    private static string? Entry(TensorProto tensor, string key) => tensor.ExternalData.FirstOrDefault(entry => entry.Key == key)?.Value;

    private static PithException Error(string name, string problem) => new($"Tensor '{name}' {problem}.");
}
