namespace Pith;

/// <summary>Writes files so that a reader sees the whole new file or the old one, never a part.</summary>
public static class AtomicFile
{
    private const string TemporarySuffix = ".tmp";

    /// <summary>
    /// Calls <paramref name="write"/> with a stream on a temporary file beside <paramref name="path"/>, flushes it to disk and renames it over <paramref name="path"/>.
    /// When anything fails the temporary file is removed and what stood at <paramref name="path"/> stays.
    /// </summary>
    /// <exception cref="PithException">The folder cannot be created or the file cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        ArgumentNullException.ThrowIfNull(write);
        if (string.IsNullOrWhiteSpace(path) || path.Contains('\0')) throw new PithException($"Cannot write a file called '{path}'. Give it a name.");
        var full = Path.GetFullPath(path);
        var temporary = $"{full}.{Guid.NewGuid():N}{TemporarySuffix}";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, full, overwrite: true);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // The temporary name means nothing to the caller.
            var reason = failure.Message.Replace($" : '{temporary}'", "", StringComparison.Ordinal).Replace(temporary, full, StringComparison.Ordinal).TrimEnd('.');
            throw new PithException($"Cannot write '{full}': {reason}. Check that the folder exists, is writable and has space left.", failure);
        }
        finally
        {
            // After a successful rename the temporary name is gone; without its folder, Delete would throw and hide the failure above.
            if (File.Exists(temporary)) File.Delete(temporary);
        }
    }

    /// <summary>Removes the temporary files that processes left beside <paramref name="path"/> when they were killed in <see cref="Write"/>. Nobody may be writing that file.</summary>
    public static void RemoveLeftovers(string path)
    {
        var full = Path.GetFullPath(path);
        var (folder, prefix) = (Path.GetDirectoryName(full), Path.GetFileName(full) + ".");
        if (!Directory.Exists(folder)) return;
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            var name = Path.GetFileName(file);
            if (name.StartsWith(prefix, StringComparison.Ordinal) && name.EndsWith(TemporarySuffix, StringComparison.Ordinal) && Guid.TryParseExact(name[prefix.Length..^Math.Min(TemporarySuffix.Length, name.Length - prefix.Length)], "N", out _)) File.Delete(file);
        }
    }

    /// <summary>Writes <paramref name="text"/> as UTF-8 without a byte-order mark.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public static void WriteText(string path, string text) =>
        Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));
}
