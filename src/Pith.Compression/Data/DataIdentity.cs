using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Pith.Compression.Data;

/// <summary>
/// Tells whether data has changed without reading it: the specification, and the names, sizes and modification times of the files that it is read from. An interrupted run is resumed only while this stays the same; a
/// file that is rewritten with the same content counts as changed. What identifies an image by its content is <see cref="ContentKey"/>.
/// </summary>
internal static class DataIdentity
{
    /// <summary>A text that changes when <paramref name="spec"/> or one of its files does; empty for no data.</summary>
    /// <exception cref="PithException">The specification is wrong, or a file or folder is missing or cannot be read.</exception>
    public static string Of(string? spec)
    {
        if (spec is null) return "";
        var parsed = DatasetSpec.Parse(spec);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var path in parsed.Kind.Files(parsed)) hash.AppendData(Encoding.UTF8.GetBytes(Describe(path)));
        return $"{spec}\n{Convert.ToHexStringLower(hash.GetHashAndReset())}";
    }

    private static string Describe(string path)
    {
        try
        {
            FileSystemInfo named = Directory.Exists(path) ? new DirectoryInfo(path) : new FileInfo(path);
            // A link has a size and a time of its own.
            var info = named.ResolveLinkTarget(returnFinalTarget: true) ?? named;
            return string.Create(CultureInfo.InvariantCulture, $"{named.FullName}\n{(info as FileInfo)?.Length}\n{info.LastWriteTimeUtc.Ticks}\n");
        }
        catch (Exception e) when (DataFile.IsUnreadable(e))
        {
            throw DataFile.Unreadable(path, e);
        }
    }
}
