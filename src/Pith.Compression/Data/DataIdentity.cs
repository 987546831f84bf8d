using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Pith.Compression.Data;

/// <summary>
/// Says whether data is still what it was, without reading it: the specification, and the names, sizes and times of change of the files it means. A run that was interrupted goes on only while this stays; a file that is
/// rewritten with the same content counts as changed.
/// </summary>
internal static class DataIdentity
{
    /// <summary>A text that changes when <paramref name="spec"/> or a file of it does; empty for no data.</summary>
    /// <exception cref="PithException">The specification is wrong, or a folder cannot be read.</exception>
    public static string Of(string? spec)
    {
        if (spec is null) return "";
        var path = DatasetSpec.Parse(spec).Path;
        if (path.Length == 0) return spec;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            foreach (var file in path.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).SelectMany(FilesOf))
                hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{file.FullName}\n{file.Length}\n{file.LastWriteTimeUtc.Ticks}\n")));
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(path, e);
        }
        return $"{spec}\n{Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }

    // Beside what is named: the class lists that image folders are read with.
    private static IEnumerable<FileInfo> FilesOf(string item)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(item)) ?? item;
        if (Directory.Exists(item)) return In(item, "*", SearchOption.AllDirectories).Concat(In(folder, "classes.txt", SearchOption.TopDirectoryOnly));
        return Directory.Exists(folder) ? In(folder, Path.GetFileName(item), SearchOption.TopDirectoryOnly) : [];
    }

    private static IEnumerable<FileInfo> In(string folder, string pattern, SearchOption depth) => new DirectoryInfo(folder).EnumerateFiles(pattern, depth).OrderBy(file => file.FullName, StringComparer.Ordinal);
}
