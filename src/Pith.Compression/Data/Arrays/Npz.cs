using System.IO.Compression;

namespace Pith.Compression.Data;

/// <summary>NumPy's archive of named arrays (numpy.savez, numpy.savez_compressed): a zip file with one .npy file for each array.</summary>
public static class Npz
{
    private const string Extension = ".npy";

    // Fixed, so that equal arrays give equal files; the first date that zip can express.
    private static readonly DateTimeOffset _entryTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The names of the arrays, in the order of the file.</summary>
    /// <exception cref="PithException">The file cannot be read or is not a zip file.</exception>
    public static IReadOnlyList<string> Names(string path) =>
        Open(path, zip => zip.Entries.Where(IsArray).Select(NameOf).ToArray());

    /// <summary>Reads one array.</summary>
    /// <exception cref="PithException">There is no such array, or the file is damaged; see <see cref="Npy"/> for what an array may hold.</exception>
    public static Tensor Read(string path, string name) =>
        Open(path, zip => ReadEntry(zip.GetEntry(name + Extension) ?? throw new PithException($"'{path}' has no array '{name}'. Expected one of: {string.Join(", ", zip.Entries.Where(IsArray).Select(NameOf))}."), path));

    /// <summary>Name, type and shape of each array, in the order of the file; elements are not read.</summary>
    /// <exception cref="PithException">As in <see cref="Read"/>.</exception>
    internal static IReadOnlyList<(string Name, DataType Type, Shape Shape)> Types(string path) => Open(path, zip => zip.Entries.Where(IsArray).Select(entry =>
    {
        using var content = entry.Open();
        var (type, shape) = Npy.ReadType(content, $"{path}:{entry.FullName}");
        return (NameOf(entry), type, shape);
    }).ToArray());

    /// <summary>Writes an archive, compressed; a reader never sees a part of it. The same arrays always give the same bytes.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> arrays) => AtomicFile.Write(path, stream => Write(stream, arrays));

    /// <summary>Writes an archive to a stream.</summary>
    internal static void Write(Stream stream, IEnumerable<KeyValuePair<string, Tensor>> arrays)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var (name, tensor) in arrays)
        {
            var entry = zip.CreateEntry(name + Extension, CompressionLevel.Fastest);
            entry.LastWriteTime = _entryTime;
            using var content = entry.Open();
            Npy.Write(content, tensor);
        }
    }

    private static T Open<T>(string path, Func<ZipArchive, T> read)
    {
        try
        {
            using var zip = ZipFile.OpenRead(path);
            return read(zip);
        }
        catch (InvalidDataException e)
        {
            throw new PithException($"'{path}' is not a valid NPZ file: {e.Message} Expected a zip archive of .npy files, as numpy.savez writes it.", e);
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(path, e);
        }
    }

    private static Tensor ReadEntry(ZipArchiveEntry entry, string path)
    {
        using var content = ZipContent.Open(entry, path, advice: "Save it with numpy.savez, which does not compress.");
        return Npy.Read(content, $"{path}:{entry.FullName}", entry.Length);
    }

    private static bool IsArray(ZipArchiveEntry entry) => entry.FullName.EndsWith(Extension, StringComparison.Ordinal);

    private static string NameOf(ZipArchiveEntry entry) => entry.FullName[..^Extension.Length];
}
