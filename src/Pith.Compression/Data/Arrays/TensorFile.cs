namespace Pith.Compression.Data;

/// <summary>A tensor in a file of any kind that Pith reads: NumPy's .npy and .npz, and ONNX's .pb.</summary>
public static class TensorFile
{
    /// <summary>Endings of the files that are read, for messages.</summary>
    public const string Kinds = ".npy, .npz or .pb";

    /// <summary>Whether a path names an archive of several arrays.</summary>
    public static bool IsArchive(string path) => HasExtension(path, ".npz");

    /// <summary>Reads a tensor.</summary>
    /// <param name="path">The file; its ending says what it is.</param>
    /// <param name="name">Which array of an archive; one with a single array need not call it so.</param>
    /// <exception cref="PithException">The file is of another kind, cannot be read or is damaged, or an archive of several arrays has none of this name.</exception>
    public static Tensor Read(string path, string name)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!File.Exists(path)) throw new PithException($"There is no file '{path}' with the tensor '{name}'.");
        if (HasExtension(path, ".npy")) return Npy.Read(path);
        if (HasExtension(path, ".pb")) return OnnxTensor.Load(path);
        if (!IsArchive(path)) throw new PithException($"'{path}' is not a tensor file: expected the extension {Kinds}.");
        return Npz.Names(path) is [var only] ? Npz.Read(path, only) : Npz.Read(path, name);
    }

    private static bool HasExtension(string path, string extension) => path.EndsWith(extension, StringComparison.OrdinalIgnoreCase);
}
