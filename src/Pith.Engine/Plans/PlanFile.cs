using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Pith.Plans;

/// <summary>
/// The container of a plan: a header of fixed size, the weights (2:4 sparse ones compressed, the others as they are), the network (ONNX, which names the weights by their place in this file) and a manifest (JSON). It holds nothing that is
/// executed or used as an address: weights are packed and offsets planned again when it is loaded, so a hostile file can at worst describe another network.
/// </summary>
/// <remarks>
/// Header, little-endian: magic (8 bytes), version (4), bytes of the manifest (4), of the network (8), of the weights (8), SHA-256 of network and manifest (32), SHA-256 of the weights (32).
/// Weights that are not compressed are read straight into their tensors. Both checksums are computed meanwhile, see <see cref="RequireIntact"/>: loading the library of hash functions alone takes a tenth of the way to a small network's first answer.
/// </remarks>
internal sealed class PlanFile : IDisposable
{
    private const uint Version = 4;
    private const int DescriptionSumAt = 32, WeightSumAt = 64, HeaderBytes = 96;
    private const int LargestManifest = 64 << 20;

    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly long _weightsEnd;
    private readonly Task<string?> _damage;

    private PlanFile(SafeFileHandle file, string path)
    {
        (_file, _path) = (file, path);
        Span<byte> header = stackalloc byte[HeaderBytes];
        if (RandomAccess.GetLength(file) < HeaderBytes || RandomAccess.Read(file, header, 0) < HeaderBytes || !header[..8].SequenceEqual(Magic))
            throw new PithException($"'{path}' is not a plan. Plans are written by 'pith build'; an ONNX file has to be built first.");
        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != Version) throw new PithException($"'{path}' is a plan of version {version}, this Pith reads version {Version}. Build it again from the ONNX file.");
        var (manifest, network, weights) = (BinaryPrimitives.ReadInt32LittleEndian(header[12..]), BinaryPrimitives.ReadInt64LittleEndian(header[16..]), BinaryPrimitives.ReadInt64LittleEndian(header[24..]));
        var rest = RandomAccess.GetLength(file) - HeaderBytes;
        if (manifest is < 0 or > LargestManifest || network < 0 || network > Array.MaxLength - manifest || weights < 0 || weights > rest || weights + network + manifest != rest)
            throw Damaged($"its header promises {weights} + {network} + {manifest} bytes, the file has {rest} beside the header");
        _weightsEnd = HeaderBytes + weights;
        Network = new byte[network];
        Manifest = new byte[manifest];
        ReadAll(Network, _weightsEnd);
        ReadAll(Manifest, _weightsEnd + network);
        var expected = header.ToArray();
        _damage = Task.Run(() => FindDamage(expected));
    }

    /// <summary>The network's ONNX.</summary>
    public byte[] Network { get; }

    /// <summary>The manifest's JSON.</summary>
    public byte[] Manifest { get; }

    private static ReadOnlySpan<byte> Magic => "PITHPLAN"u8;

    /// <summary>Writes a plan, whole or not at all.</summary>
    public static void Write(string path, ReadOnlySpan<byte> manifest, Graph graph)
    {
        var network = OnnxModel.ToBytes(graph, "weights", HeaderBytes, out var weights, compress: true);
        var header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(8), Version);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), manifest.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(16), network.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(24), weights.Sum(tensor => (long)tensor.Bytes.Length));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(network);
        hash.AppendData(manifest);
        hash.GetHashAndReset(header.AsSpan(DescriptionSumAt));
        foreach (var tensor in weights) hash.AppendData(tensor.Bytes);
        hash.GetHashAndReset(header.AsSpan(WeightSumAt));
        var end = manifest.ToArray();
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var tensor in weights) stream.Write(tensor.Bytes);
            stream.Write(network);
            stream.Write(end);
        });
    }

    /// <summary>Opens a plan, checks every size, and begins to check the checksums.</summary>
    /// <exception cref="PithException">The file cannot be read, is no plan, is of another version, or is damaged.</exception>
    public static PlanFile Open(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path);
            return new PlanFile(file, path);
        }
        catch (Exception failure)
        {
            file?.Dispose();
            if (failure is IOException or UnauthorizedAccessException or NotSupportedException) throw new PithException($"Cannot read the plan '{path}': {failure.Message}", failure);
            throw;
        }
    }

    /// <summary>The part of the file in which the network finds its weights.</summary>
    public FileSection OpenWeights() => new(_file, _weightsEnd);

    /// <summary>Waits until the whole file was compared with its checksums. What was made of it before is to be used after this only.</summary>
    /// <exception cref="PithException">It is not what was written, or cannot be read.</exception>
    public void RequireIntact()
    {
        try
        {
            if (_damage.GetAwaiter().GetResult() is { } how) throw Damaged(how);
        }
        catch (IOException failure)
        {
            throw new PithException($"Cannot read the plan '{_path}': {failure.Message}", failure);
        }
    }

    public void Dispose()
    {
        // The checksum reads the file.
        ((IAsyncResult)_damage).AsyncWaitHandle.WaitOne();
        _file.Dispose();
    }

    private string? FindDamage(byte[] header)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Network);
        hash.AppendData(Manifest);
        if (!header.AsSpan()[DescriptionSumAt..WeightSumAt].SequenceEqual(hash.GetHashAndReset())) return "its checksum does not match";
        using var weights = OpenWeights();
        weights.Position = HeaderBytes;
        return header.AsSpan()[WeightSumAt..].SequenceEqual(SHA256.HashData(weights)) ? null : "the checksum of its weights does not match";
    }

    private void ReadAll(Span<byte> into, long from)
    {
        for (var done = 0; done < into.Length;)
        {
            var read = RandomAccess.Read(_file, into[done..], from + done);
            if (read == 0) throw Damaged("it became shorter while it was read");
            done += read;
        }
    }

    private PithException Damaged(string how) => new($"'{_path}' is damaged: {how}. Build it again.");
}
