namespace Pith;

/// <summary>Opens files that hold something. Opening a pipe would wait for a writer, and a device has no end: both have no size, which is looked at first.</summary>
public static class OrdinaryFile
{
    private const int DefaultBufferBytes = 1 << 16;

    /// <summary>The file at <paramref name="path"/>, for reading.</summary>
    /// <param name="path">The file.</param>
    /// <param name="bufferBytes">How much is read at once: little where a few bytes are read here and there.</param>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    public static FileStream Open(string path, int bufferBytes = DefaultBufferBytes)
    {
        var file = new FileInfo(path);
        // A folder and a missing file are left to the constructor, which says what is wrong.
        if (file.Exists && file.Length == 0) throw new IOException("it is empty, or is a pipe or a device instead of a file.");
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferBytes);
    }
}
