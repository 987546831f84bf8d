using System.Buffers.Binary;
using System.IO.Compression;
using System.Numerics;
using Pith.Compression.Data;

namespace Pith.Compression.Weights;

/// <summary>
/// State dicts as torch.save writes them: since PyTorch 1.6 a zip file with <c>NAME/data.pkl</c> (the dictionary, which refers to storages by key), <c>NAME/data/KEY</c> (the elements of one storage) and
/// <c>NAME/byteorder</c>; before it a sequence of pickles (magic number, version, machine, the dictionary, keys of the storages) and then, for each key in order, the number of elements in 8 bytes and the elements.
/// Pickles are read as data (<see cref="PickleReader"/>); no code is run.
/// </summary>
internal static class PytorchFile
{
    private const int MaxPickleBytes = 1 << 26;
    private const string PickleName = "data.pkl", ByteOrderName = "byteorder";
    private const long LegacyVersion = 1001;

    private static readonly BigInteger s_legacyMagic = BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture); // 0x1950a86a20f9469cfc6c

    public static WeightFile Open(string path)
    {
        var file = OrdinaryFile.Open(path);
        try
        {
            Span<byte> start = stackalloc byte[4];
            var got = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            file.Position = 0;
            if (got == start.Length && start.SequenceEqual("PK\u0003\u0004"u8)) return OpenZip(path, file);
            if (got > 0 && start[0] == 0x80) return OpenLegacy(path, file);
            throw new InvalidDataException($"its first bytes are {Convert.ToHexString(start[..got])}: neither a zip file (torch.save) nor a pickle (before PyTorch 1.6). What is it? A safetensors file must be called .safetensors, a NumPy archive .npz.");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static WeightFile OpenZip(string path, FileStream file)
    {
        var zip = new ZipArchive(file, ZipArchiveMode.Read);
        ZipArchiveEntry[] pickles = [.. zip.Entries.Where(entry => entry.FullName == PickleName || entry.FullName.EndsWith("/" + PickleName, StringComparison.Ordinal))];
        if (pickles is not [var pickle]) throw new PithException($"'{path}' is a zip file with {pickles.Length} entries {PickleName}, expected one, as torch.save writes it. A NumPy archive must be called .npz.");
        var root = pickle.FullName[..^PickleName.Length];
        if (zip.GetEntry(root + "constants.pkl") is not null || zip.Entries.Any(entry => entry.FullName.StartsWith(root + "code/", StringComparison.Ordinal)))
            throw new PithException($"'{path}' is a TorchScript program, not a state dict. In Python: torch.save(torch.jit.load(FILE).state_dict(), OTHER).");
        if (zip.GetEntry(root + ByteOrderName) is { } order && System.Text.Encoding.ASCII.GetString(Content(order, path, 16)).Trim() is var named && named != "little")
            throw new PithException($"'{path}' has the byte order '{named}', expected little. Load and save it on a little-endian machine.");
        var dictionary = PickleReader.Read(new MemoryStream(Content(pickle, path, MaxPickleBytes)), name => TorchTensor.Find(name, path), TorchTensor.Persistent);
        // Many tensors may lie in one storage, which can only be read as a whole.
        (string? Key, byte[] Bytes) last = default;
        return TorchCheckpoint.ToFile(path, dictionary, (storage, first, count) =>
        {
            if (last.Key != storage.Key) last = (storage.Key, StorageContent(zip, $"{root}data/{storage.Key}", storage, path));
            return last.Bytes.AsMemory((int)first, (int)count);
        }, zip);
    }

    private static byte[] StorageContent(ZipArchive zip, string name, TorchStorage storage, string path)
    {
        var entry = zip.GetEntry(name) ?? throw new InvalidDataException($"there is no storage '{name}'.");
        var bytes = (Int128)storage.Elements * storage.Type.SizeInBytes();
        return entry.Length == bytes ? Content(entry, path, DataFile.MaxBytes)
            : throw new InvalidDataException($"storage '{name}' has {entry.Length} bytes, {storage.Elements} elements of {storage.Type} have {bytes}.");
    }

    private static byte[] Content(ZipArchiveEntry entry, string path, int most)
    {
        if (entry.Length > most) throw new InvalidDataException($"'{entry.FullName}' has {entry.Length} bytes, expected at most {most}.");
        using var content = ZipContent.Open(entry, path, "Save it with torch.save, which does not compress.");
        var bytes = DataFile.ReadExactly(content, (int)entry.Length) ?? throw new InvalidDataException($"'{entry.FullName}' is cut short.");
        return content.ReadByte() < 0 ? bytes : throw new InvalidDataException($"'{entry.FullName}' has more than the {entry.Length} bytes that it claims.");
    }

    private static WeightFile OpenLegacy(string path, FileStream file)
    {
        var storages = new Dictionary<string, TorchStorage>(StringComparer.Ordinal);
        object? Next() => PickleReader.Read(file, name => TorchTensor.Find(name, path), identifier =>
        {
            var storage = TorchTensor.Persistent(identifier);
            return storages.TryAdd(storage.Key, storage) || storages[storage.Key] == storage ? storage : throw new InvalidDataException($"storage '{storage.Key}' is described in two ways.");
        });
        if (Next() is not BigInteger magic || magic != s_legacyMagic) throw new InvalidDataException("it is a pickle, but not one that torch.save wrote. In Python: torch.save(state_dict, FILE).");
        if (Next() is var version && version is not LegacyVersion) throw new InvalidDataException($"its version is {version}, expected {LegacyVersion}.");
        if (Next() is not PickleDict machine || machine.Find("little_endian") is false) throw new InvalidDataException("it was not written on a little-endian machine. Load and save it on one.");
        var dictionary = Next();
        var positions = Positions(file, Next() as List<object?> ?? throw new InvalidDataException("the keys of its storages are not there."), storages);
        return TorchCheckpoint.ToFile(path, dictionary, (storage, first, count) =>
        {
            file.Position = positions.TryGetValue(storage.Key, out var position) ? position + first : throw new InvalidDataException($"there is no storage '{storage.Key}'.");
            return DataFile.ReadExactly(file, (int)count) ?? throw new InvalidDataException($"storage '{storage.Key}' is cut short.");
        }, file);
    }

    /// <summary>Where the elements of each storage begin: after the number of elements, one after the other.</summary>
    private static Dictionary<string, long> Positions(FileStream file, List<object?> keys, Dictionary<string, TorchStorage> storages)
    {
        var positions = new Dictionary<string, long>(StringComparer.Ordinal);
        var count = new byte[sizeof(long)];
        foreach (var key in keys)
        {
            if (key is not string name || !storages.TryGetValue(name, out var storage)) throw new InvalidDataException($"the list of storages names '{key}', which nothing refers to.");
            if (file.ReadAtLeast(count, count.Length, throwOnEndOfStream: false) < count.Length) throw new InvalidDataException($"it ends before storage '{name}'.");
            var (elements, bytes) = (BinaryPrimitives.ReadInt64LittleEndian(count), (Int128)storage.Elements * storage.Type.SizeInBytes());
            if (elements != storage.Elements) throw new InvalidDataException($"storage '{name}' has {elements} elements, expected {storage.Elements}.");
            if (bytes > file.Length - file.Position) throw new InvalidDataException($"it is cut short: storage '{name}' has {bytes} bytes, {file.Length - file.Position} are left.");
            positions[name] = file.Position;
            file.Position += (long)bytes;
        }
        return positions;
    }
}
