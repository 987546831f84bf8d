using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Pith.Compression.Training;

/// <summary>Where a training run stands between two steps; with the tensors of a <see cref="Checkpoint"/> it is all that the rest of the run depends on.</summary>
internal sealed record TrainingState
{
    /// <summary>What products are rounded to; null in checkpoints from before there was a choice, and before the first step.</summary>
    public TrainingPrecision? Precision { get; init; }

    /// <summary>The epoch in progress, from 0.</summary>
    public int Epoch { get; init; }

    /// <summary>Batches of that epoch that are done.</summary>
    public int BatchesDone { get; init; }

    /// <summary>Optimiser steps done: the position in the schedule.</summary>
    public long Step { get; init; }

    /// <summary>The sum over the epoch so far of each image's loss.</summary>
    public double LossSum { get; init; }

    /// <summary>Images of the epoch so far that were classified right.</summary>
    public long Correct { get; init; }

    /// <summary>Images of the epoch so far.</summary>
    public long Images { get; init; }

    /// <summary>The mean loss of the last finished epoch.</summary>
    public double LastLoss { get; init; }

    /// <summary>The training accuracy of the last finished epoch.</summary>
    public double LastAccuracy { get; init; }

    /// <summary>Top-1 on the validation set after the last finished epoch; null when it was not validated.</summary>
    public double? LastTop1 { get; init; }

    /// <summary>The best validation top-1 so far; null before the first validation.</summary>
    public double? BestTop1 { get; init; }

    /// <summary>The epoch, from 1, that reached it.</summary>
    public int BestEpoch { get; init; }

    /// <summary>The finished epochs, in order.</summary>
    public ValueList<EpochResult> Curve { get; init; } = [];
}

/// <summary>
/// A training run on disk: parameters, optimiser state, running statistics, masks, position, and a key that names the settings, model and data it belongs to. A run that goes on
/// from one ends with the same bits as a run that was never interrupted.
/// Format, little-endian: <c>PITHCKPT</c>, int32 version, int32 header bytes, header (JSON: key, state, entries with name, kind and bytes), the entries' bytes in that order, SHA-256 of all before.
/// </summary>
internal sealed class Checkpoint
{
    private const int Version = 1;
    private const int MaxHeaderBytes = 16 << 20;
    private const int PrefixBytes = 16;
    private const string FloatKind = "f32";
    private const string MaskKind = "mask24";

    private static ReadOnlySpan<byte> Magic => "PITHCKPT"u8;

    /// <summary>Names settings, model and data.</summary>
    public required string Key { get; init; }

    /// <summary>Where the run stands.</summary>
    public required TrainingState State { get; init; }

    /// <summary>Parameters, optimiser state and statistics by name.</summary>
    public required IReadOnlyDictionary<string, float[]> Tensors { get; init; }

    /// <summary>Masks by parameter name.</summary>
    public required IReadOnlyDictionary<string, Mask24> Masks { get; init; }

    /// <summary>Writes the file whole or not at all.</summary>
    /// <exception cref="PithException">The file cannot be written.</exception>
    public void Write(string path) => AtomicFile.Write(path, stream =>
    {
        var masks = Masks.OrderBy(mask => mask.Key, StringComparer.Ordinal).Select(mask => (mask.Key, Bytes: mask.Value.ToBytes())).ToArray();
        var tensors = Tensors.OrderBy(tensor => tensor.Key, StringComparer.Ordinal).ToArray();
        var entries = tensors.Select(tensor => new Entry(tensor.Key, FloatKind, 4L * tensor.Value.Length)).Concat(masks.Select(mask => new Entry(mask.Key, MaskKind, mask.Bytes.Length)));
        var header = JsonSerializer.SerializeToUtf8Bytes(new Header(Key, State, entries.ToValueList()), SettingsJson.Options);
        if (header.Length > MaxHeaderBytes) throw new PithException($"The checkpoint '{path}' would need a header of {header.Length} bytes, at most {MaxHeaderBytes} are allowed.");

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> prefix = stackalloc byte[PrefixBytes];
        Magic.CopyTo(prefix);
        BinaryPrimitives.WriteInt32LittleEndian(prefix[8..], Version);
        BinaryPrimitives.WriteInt32LittleEndian(prefix[12..], header.Length);
        Append(stream, hash, prefix);
        Append(stream, hash, header);
        foreach (var (_, values) in tensors) Append(stream, hash, MemoryMarshal.AsBytes(values.AsSpan()));
        foreach (var (_, bytes) in masks) Append(stream, hash, bytes);
        stream.Write(hash.GetHashAndReset());
    });

    /// <summary>Reads a file; one that was damaged or made up is refused before anything in it is used.</summary>
    /// <exception cref="PithException">The file cannot be read, is not a checkpoint, or is damaged.</exception>
    public static Checkpoint Read(string path) => Read(path, ReadBytes(path));

    /// <summary>Reads the content of a file.</summary>
    /// <exception cref="PithException">It cannot be read.</exception>
    public static byte[] ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new PithException($"Cannot read the checkpoint '{path}': {failure.Message}", failure);
        }
    }

    /// <summary>Reads what was the content of a file, on this or another machine.</summary>
    /// <exception cref="PithException">It is not a checkpoint, or is damaged.</exception>
    public static Checkpoint Read(string path, byte[] bytes)
    {
        try
        {
            return Parse(bytes);
        }
        catch (Exception damage) when (damage is InvalidDataException or JsonException or PithException)
        {
            throw new PithException($"The checkpoint '{path}' cannot be used: {damage.Message} Delete it to train from the start.", damage);
        }
    }

    private static Checkpoint Parse(byte[] bytes)
    {
        if (bytes.Length < PrefixBytes + SHA256.HashSizeInBytes || !bytes.AsSpan().StartsWith(Magic)) throw new InvalidDataException("it is not a Pith checkpoint, or is cut short.");
        var version = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8));
        if (version != Version) throw new InvalidDataException($"expected version {Version}, got {version}.");
        var body = bytes.AsSpan(0, bytes.Length - SHA256.HashSizeInBytes);
        if (!SHA256.HashData(body).AsSpan().SequenceEqual(bytes.AsSpan(body.Length))) throw new InvalidDataException("its checksum is wrong; it is damaged or cut short.");
        var headerBytes = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12));
        if (headerBytes is < 0 or > MaxHeaderBytes || headerBytes > body.Length - PrefixBytes) throw new InvalidDataException($"its header claims {headerBytes} bytes.");
        var header = JsonSerializer.Deserialize<Header>(body.Slice(PrefixBytes, headerBytes), SettingsJson.Options) ?? throw new InvalidDataException("its header is empty.");
        return Fill(header, body[(PrefixBytes + headerBytes)..]);
    }

    private static Checkpoint Fill(Header header, ReadOnlySpan<byte> data)
    {
        var tensors = new Dictionary<string, float[]>(StringComparer.Ordinal);
        var masks = new Dictionary<string, Mask24>(StringComparer.Ordinal);
        foreach (var entry in header.Entries)
        {
            if (entry.Bytes < 0 || entry.Bytes > data.Length) throw new InvalidDataException($"entry '{entry.Name}' claims {entry.Bytes} bytes, {data.Length} are left.");
            var bytes = data[..(int)entry.Bytes];
            data = data[(int)entry.Bytes..];
            var isNew = entry.Kind switch
            {
                FloatKind when bytes.Length % 4 == 0 => tensors.TryAdd(entry.Name, MemoryMarshal.Cast<byte, float>(bytes).ToArray()),
                MaskKind => masks.TryAdd(entry.Name, Mask24.FromBytes(bytes)),
                _ => throw new InvalidDataException($"entry '{entry.Name}' of kind '{entry.Kind}' has {bytes.Length} bytes."),
            };
            if (!isNew) throw new InvalidDataException($"entry '{entry.Name}' is there twice.");
        }
        if (!data.IsEmpty) throw new InvalidDataException($"{data.Length} bytes follow the last entry.");
        return new Checkpoint { Key = header.Key, State = header.State, Tensors = tensors, Masks = masks };
    }

    private static void Append(Stream stream, IncrementalHash hash, ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        hash.AppendData(bytes);
    }

    private sealed record Header(string Key, TrainingState State, ValueList<Entry> Entries);

    private sealed record Entry(string Name, string Kind, long Bytes);
}
