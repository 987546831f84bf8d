using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Pith.Plans;

/// <summary>
/// The container of a plan: a header of fixed size, a manifest (JSON) and the network (ONNX). It holds nothing that is executed or used as an address: weights are packed and offsets planned
/// again when it is loaded, so a hostile file can at worst describe another network.
/// </summary>
/// <remarks>Header, little-endian: magic (8 bytes), version (4), length of the manifest (4), length of the network (8), SHA-256 of both (32).</remarks>
internal static class PlanFile
{
    private const uint Version = 2;
    private const int HeaderBytes = 8 + 4 + 4 + 8 + 32;
    private const int LargestManifest = 64 << 20;

    private static ReadOnlySpan<byte> Magic => "PITHPLAN"u8;

    /// <summary>Writes a plan, whole or not at all.</summary>
    public static void Write(string path, ReadOnlySpan<byte> manifest, ReadOnlySpan<byte> network)
    {
        var content = new byte[manifest.Length + network.Length];
        manifest.CopyTo(content);
        network.CopyTo(content.AsSpan(manifest.Length));
        var header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), manifest.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), network.Length);
        SHA256.HashData(content, header.AsSpan(24));
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            stream.Write(content);
        });
    }

    /// <summary>Reads the two parts after every size and the checksum were checked.</summary>
    /// <exception cref="PithException">The file cannot be read, is no plan, is of another version, or is damaged.</exception>
    public static (byte[] Content, int ManifestBytes) Read(string path)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return Read(stream, path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new PithException($"Cannot read the plan '{path}': {failure.Message}", failure);
        }
    }

    private static (byte[], int) Read(FileStream stream, string path)
    {
        var header = new byte[HeaderBytes];
        if (stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false) < HeaderBytes || !header.AsSpan(0, 8).SequenceEqual(Magic))
            throw new PithException($"'{path}' is not a plan. Plans are written by 'pith build'; an ONNX file has to be built first.");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(header.AsSpan(8));
        if (version != Version) throw new PithException($"'{path}' is a plan of version {version}, this Pith reads version {Version}. Build it again from the ONNX file.");
        var manifest = BinaryPrimitives.ReadInt32LittleEndian(header.AsSpan(12));
        var network = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(16));
        if (manifest < 0 || manifest > LargestManifest || network < 0 || network > Array.MaxLength - manifest || stream.Length != HeaderBytes + manifest + network)
            throw new PithException($"'{path}' is damaged: its header promises {manifest} + {network} bytes, the file has {stream.Length - HeaderBytes} beside the header. Build it again.");
        var content = GC.AllocateUninitializedArray<byte>((int)(manifest + network));
        stream.ReadExactly(content);
        if (!SHA256.HashData(content).AsSpan().SequenceEqual(header.AsSpan(24, 32))) throw new PithException($"'{path}' is damaged: its checksum does not match. Build it again.");
        return (content, manifest);
    }
}
