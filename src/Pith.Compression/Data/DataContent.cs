using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Pith.Compression.Data;

/// <summary>
/// Names data by what it holds, the same on every machine: written into models that were made with it. It does not tell whether files have changed since, for which <see cref="DataIdentity"/> is cheaper and stricter.
/// </summary>
/// <param name="Spec">The specification, of whose path only the last name is kept: where data lies differs from machine to machine.</param>
/// <param name="Samples">The number of samples.</param>
/// <param name="Content">SHA-256 in hexadecimal of labels and content of the samples, of <see cref="MostHashed"/> evenly spaced ones where there are more. Of image files the length and the first 4 KiB count.</param>
public sealed record DataContent(string Spec, int Samples, string Content)
{
    /// <summary>The most samples whose content is read.</summary>
    public const int MostHashed = 512;

    /// <summary>Describes a dataset.</summary>
    /// <exception cref="PithException">A sample cannot be read.</exception>
    internal static DataContent Of(ImageDataset dataset)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> entry = stackalloc byte[sizeof(int) + sizeof(long) + sizeof(ulong)];
        var hashed = Math.Min(dataset.Count, MostHashed);
        for (var i = 0; i < hashed; i++)
        {
            var index = (int)((long)i * dataset.Count / hashed);
            var key = dataset.Content(index, whole: false);
            BinaryPrimitives.WriteInt32LittleEndian(entry, dataset.Label(index));
            BinaryPrimitives.WriteInt64LittleEndian(entry[sizeof(int)..], key.Length);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[(sizeof(int) + sizeof(long))..], key.Hash);
            hash.AppendData(entry);
        }
        return new DataContent(WithoutFolders(dataset.Name), dataset.Count, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static string WithoutFolders(string name)
    {
        try
        {
            var path = DatasetSpec.Parse(name).Path;
            return path.Length == 0 ? name : name.Replace(path, Path.GetFileName(Path.TrimEndingDirectorySeparator(path)), StringComparison.Ordinal);
        }
        catch (PithException)
        {
            return name; // of a dataset that was not opened by a specification
        }
    }
}
