namespace Pith;

/// <summary>Opens files that hold something. Opening a pipe would wait for a writer, and a device has no end: both have no size, which is looked at first.</summary>
public static class OrdinaryFile
{
    /// <summary>The file at <paramref name="path"/>, for reading.</summary>
    /// <exception cref="IOException">There is no such file, or it cannot be read.</exception>
    public static FileStream Open(string path)
    {
        var file = new FileInfo(path);
        // A folder and a missing file are left to the constructor, which says what is wrong.
        if (file.Exists && file.Length == 0) throw new IOException("it is empty, or is a pipe or a device instead of a file.");
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
    }
}
