using Pith.Compression.Data;

namespace Pith.Compression.Weights;

/// <summary>A piece of a PyTorch file that elements lie in, as a pickle refers to it.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Elements">Their number.</param>
internal sealed record TorchStorage(string Key, DataType Type, long Elements);

/// <summary>A tensor as a pickle describes it: a view of a storage.</summary>
/// <param name="Storage">Where the elements lie.</param>
/// <param name="Offset">The first element.</param>
/// <param name="Sizes">The sizes of the axes.</param>
/// <param name="Strides">From one element to the next along each axis, in elements; 0 for an axis that was expanded.</param>
internal sealed record TorchTensor(TorchStorage Storage, long Offset, int[] Sizes, long[] Strides)
{
    // An expanded tensor reads elements of its storage repeatedly: a small file could ask for any amount of memory.
    private const long MostExpanded = 1 << 24;

    /// <summary>
    /// The names that may stand in a file of tensors, and what they make. Everything else is refused by name: a pickle can name any function of Python, and loading it with Python would run it. PyTorch's own list for
    /// <c>weights_only=True</c> is longer by what only optimizers and quantized tensors need.
    /// </summary>
    private static readonly Dictionary<string, Func<object?[], object?>> s_names = new(StringComparer.Ordinal)
    {
        ["collections.OrderedDict"] = _ => new PickleDict(),
        ["torch._utils._rebuild_tensor"] = Rebuild, // (storage, offset, sizes, strides)
        ["torch._utils._rebuild_tensor_v2"] = Rebuild, // and: requires_grad, backward_hooks, metadata
        ["torch._utils._rebuild_parameter"] = arguments => arguments is [TorchTensor data, ..] ? data : throw new InvalidDataException("a parameter without a tensor."),
        ["torch.Size"] = arguments => arguments is [object?[] sizes] ? sizes : throw new InvalidDataException("a size without numbers."),
    };

    private static readonly (string Name, DataType Type)[] s_storages =
    [
        ("torch.FloatStorage", DataType.Float32), ("torch.HalfStorage", DataType.Float16), ("torch.BFloat16Storage", DataType.BFloat16), ("torch.DoubleStorage", DataType.Float64),
        ("torch.CharStorage", DataType.Int8), ("torch.ByteStorage", DataType.UInt8), ("torch.ShortStorage", DataType.Int16), ("torch.IntStorage", DataType.Int32), ("torch.LongStorage", DataType.Int64), ("torch.BoolStorage", DataType.Bool),
    ];

    /// <summary>What stands for a name in a pickle.</summary>
    /// <param name="name"><c>module.name</c>.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="PithException">It is not one that tensors need.</exception>
    public static Func<object?[], object?> Find(string name, string path)
    {
        if (s_names.TryGetValue(name, out var make)) return make;
        if (s_storages.FirstOrDefault(known => known.Name == name) is { Name: not null } storage) return new StorageType(storage.Type).Make;
        throw new PithException($"'{path}' refers to '{name}', which a file of tensors does not need; it was not run, and nothing of the file was taken. Expected a state dict with nothing but tensors: torch.save(model.state_dict(), FILE). Names that are allowed: {string.Join(", ", s_names.Keys)} and {s_storages[0].Name} with its kin.");
    }

    /// <summary>The name of a storage of elements of a type; null when PyTorch has none.</summary>
    public static string? StorageName(DataType type) => s_storages.FirstOrDefault(storage => storage.Type == type).Name;

    /// <summary>The storage that an identifier of a pickle means: ('storage', type, key, device, elements), and in old files a view (key, first, elements), which may be None.</summary>
    /// <exception cref="InvalidDataException">It is of another form.</exception>
    public static TorchStorage Persistent(object? identifier) =>
        identifier is object?[] and ["storage", Func<object?[], object?> { Target: StorageType type }, string key, _, long elements and >= 0, ..] and ({ Length: 5 } or [_, _, _, _, _, null]) ? new TorchStorage(key, type.Type, elements)
            : throw new InvalidDataException("a storage that is not described by type, key, device and number of elements.");

    /// <summary>The elements in row-major order, copied out of their storage.</summary>
    /// <param name="read">The bytes of a storage, from a position on: (storage, first byte, number of bytes).</param>
    public Tensor Read(Func<TorchStorage, long, long, ReadOnlyMemory<byte>> read)
    {
        var (size, tensor) = (Storage.Type.SizeInBytes(), Tensor.Zeros(Storage.Type, new Shape(Sizes)));
        if (tensor.Length == 0) return tensor;
        // From the first element that is read to the last one.
        var bytes = (1 + Sizes.Zip(Strides, (count, stride) => (count - 1) * stride).Sum()) * size;
        if (bytes > DataFile.MaxBytes) throw new InvalidDataException($"a tensor spreads over {bytes} bytes, expected at most {DataFile.MaxBytes}.");
        var source = read(Storage, Offset * size, bytes).Span;
        if (IsContiguous) source.CopyTo(tensor.Bytes);
        else Gather(source, tensor.Bytes, size);
        if (tensor.DataType == DataType.Bool) Npy.Normalize(tensor.Bytes);
        return tensor;
    }

    private bool IsContiguous
    {
        get
        {
            var expected = 1L;
            for (var axis = Sizes.Length - 1; axis >= 0; axis--)
            {
                if (Sizes[axis] != 1 && Strides[axis] != expected) return false;
                expected *= Sizes[axis];
            }
            return true;
        }
    }

    private void Gather(ReadOnlySpan<byte> source, Span<byte> elements, int size)
    {
        var index = new int[Sizes.Length];
        var from = 0L;
        for (var to = 0; to < elements.Length; to += size)
        {
            source.Slice((int)(from * size), size).CopyTo(elements[to..]);
            for (var axis = Sizes.Length - 1; axis >= 0; axis--)
            {
                from += Strides[axis];
                if (++index[axis] < Sizes[axis]) break;
                from -= Strides[axis] * Sizes[axis];
                index[axis] = 0;
            }
        }
    }

    private static TorchTensor Rebuild(object?[] arguments)
    {
        if (arguments is not [TorchStorage storage, long offset and >= 0, object?[] sizes, object?[] strides, ..] || sizes.Length != strides.Length || !sizes.All(size => size is long and >= 0 and <= int.MaxValue) || !strides.All(stride => stride is long and >= 0))
            throw new InvalidDataException("a tensor that is not described by storage, offset, sizes and strides.");
        var tensor = new TorchTensor(storage, offset, [.. sizes.Select(size => (int)(long)size!)], [.. strides.Select(stride => (long)stride!)]);
        tensor.RequireInside();
        return tensor;
    }

    private void RequireInside()
    {
        var last = (UInt128)Offset;
        for (var axis = 0; axis < Sizes.Length; axis++) last += (UInt128)Math.Max(0, Sizes[axis] - 1) * (UInt128)Strides[axis];
        if (!Sizes.Contains(0) && last >= (UInt128)Storage.Elements)
            throw new InvalidDataException($"a tensor [{string.Join(",", Sizes)}] with offset {Offset} and strides [{string.Join(",", Strides)}] reads element {last} of storage '{Storage.Key}', which has {Storage.Elements}.");
        var elements = Sizes.Aggregate((UInt128)1, (product, size) => product > ulong.MaxValue ? product : product * (UInt128)size);
        if (elements > (UInt128)Math.Max(Storage.Elements, MostExpanded)) throw new InvalidDataException($"a tensor [{string.Join(",", Sizes)}] has {elements} elements, its storage '{Storage.Key}' {Storage.Elements}.");
    }

    private sealed record StorageType(DataType Type)
    {
        // A storage is referred to, never made by a call.
        public object? Make(object?[] arguments) => throw new InvalidDataException($"a storage of {Type} that is made by a call.");
    }
}
