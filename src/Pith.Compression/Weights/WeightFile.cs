using Pith.Compression.Data;

namespace Pith.Compression.Weights;

/// <summary>
/// A file of named tensors: safetensors, a PyTorch state dict or a NumPy archive (<see cref="WeightFormat.All"/>). Opening it reads names, types and shapes only; elements are read when they are asked for, one tensor
/// at a time, so a false size in a hostile file takes no memory. One caller at a time.
/// </summary>
public sealed class WeightFile : IDisposable
{
    private readonly IDisposable? _resource;

    internal WeightFile(string path, IReadOnlyList<StoredTensor> tensors, IDisposable? resource, IReadOnlyList<string>? notes = null) =>
        (Path, Tensors, _resource, Notes) = (path, tensors, resource, notes ?? []);

    /// <summary>Where it was opened, for messages.</summary>
    public string Path { get; }

    /// <summary>The tensors in the order of the file; names differ.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; }

    /// <summary>For the user: which part of a checkpoint is used, and what was passed over.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>Opens a file; its ending says what it is.</summary>
    /// <exception cref="PithException">The ending is of no known format, or the file is missing, damaged or holds something else than tensors. Nothing in a file is ever executed.</exception>
    public static WeightFile Open(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var format = WeightFormat.Of(path);
        return Guarded(path, () =>
        {
            var file = format.Open(path);
            if (file.Tensors.GroupBy(tensor => tensor.Name).FirstOrDefault(group => group.Count() > 1) is not { } twice) return file;
            file.Dispose();
            throw new PithException($"'{path}' has the tensor '{twice.Key}' twice; a name must say which one is meant.");
        });
    }

    /// <summary>Writes tensors in the format that the path's ending names; a reader never sees a part of the file, and the same tensors always give the same bytes.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">Names, which must differ, and tensors. Types that the format lacks are written as the next one that holds their values.</param>
    /// <exception cref="PithException">The ending is of no known format, two names are equal, the format cannot hold a tensor, or the file cannot be written.</exception>
    public static void Write(string path, IReadOnlyList<KeyValuePair<string, Tensor>> tensors)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(tensors);
        var format = WeightFormat.Of(path);
        if (tensors.GroupBy(tensor => tensor.Key).FirstOrDefault(group => group.Count() > 1) is { } twice) throw new PithException($"Two tensors are called '{twice.Key}'; in '{path}' each needs a name of its own.");
        AtomicFile.Write(path, stream => format.Write(stream, tensors));
    }

    /// <summary>Reads the elements of a tensor.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <exception cref="PithException">The file is damaged there, or gone.</exception>
    public Tensor Read(StoredTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return Guarded(Path, tensor.Read);
    }

    /// <inheritdoc/>
    public void Dispose() => _resource?.Dispose();

    private static T Guarded<T>(string path, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidDataException damage)
        {
            throw new PithException($"'{path}' is damaged: {damage.Message} Fetch or write it again.", damage);
        }
        catch (Exception failure) when (DataFile.IsUnreadable(failure))
        {
            throw DataFile.Unreadable(path, failure);
        }
    }
}

/// <summary>A tensor that lies in a file.</summary>
public sealed class StoredTensor
{
    // read throws what input and output throw.
    internal StoredTensor(string name, DataType dataType, Shape shape, Func<Tensor> read) => (Name, DataType, Shape, Read) = (name, dataType, shape, read);

    /// <summary>Its name there.</summary>
    public string Name { get; }

    /// <summary>The type of its elements.</summary>
    public DataType DataType { get; }

    /// <summary>Its sizes.</summary>
    public Shape Shape { get; }

    /// <summary>Reads the elements.</summary>
    internal Func<Tensor> Read { get; }

    /// <summary>Name, type and shape: <c>fc.weight f32[1000,512]</c>.</summary>
    public override string ToString() => $"{Name} {DataType.ShortName()}{Shape}";
}
