using System.Globalization;

namespace Pith.Serving;

/// <summary>An input or output of a served model.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type; the only symbol that is left is the batch, whatever it is called.</param>
internal sealed record TensorSlot(string Name, TensorType Type)
{
    /// <summary>The protocol's name of the element type.</summary>
    public string DataType { get; } = WireType.NameOf(Type.DataType) ?? throw new PithException($"Tensor '{Name}' has elements of type {Type.DataType.ShortName()}, for which the inference protocol has no name. Cast it to another type in the network.");

    /// <summary>Whether the rows of a batch lie one after the other: the batch is the outermost size, and the only one that varies.</summary>
    public bool IsStackedRows { get; } = Type.Rank > 0 && Type[0].Symbol is not null && Type.Dims.Skip(1).All(dim => dim.IsFixed);

    /// <summary>The sizes as metadata states them: -1 where they vary.</summary>
    public long[] MetadataShape => [.. Type.Dims.Select(dim => dim.IsFixed ? dim.Value : -1)];

    /// <summary>The sizes for a batch of <paramref name="rows"/>.</summary>
    public long[] ShapeAt(int rows) => ShapeAt(Type, rows);

    // Asked for several times by each request.
    private readonly int _rowBytes = Bytes(Type, 1);

    /// <summary>Bytes of a batch of <paramref name="rows"/>.</summary>
    public int BytesAt(int rows) => IsStackedRows ? checked(rows * _rowBytes) : Bytes(Type, rows);

    /// <summary>Where a row begins, in bytes. Only stacked rows have others than row 0.</summary>
    public int OffsetOf(int row) => row == 0 ? 0 : BytesAt(row);

    /// <summary>Type and sizes as messages state them: <c>FP32[-1,3,224,224]</c>.</summary>
    public override string ToString() => $"{DataType}{ShapeText(MetadataShape)}";

    private static long[] ShapeAt(TensorType type, int rows) => [.. type.Dims.Select(dim => dim.IsFixed ? dim.Value : dim.Bind(_ => rows).Value)];

    private static int Bytes(TensorType type, int rows)
    {
        long bytes = type.DataType.SizeInBytes();
        foreach (var size in ShapeAt(type, rows)) bytes = checked(bytes * size);
        return checked((int)bytes);
    }

    public static string ShapeText(IEnumerable<long> shape) => $"[{string.Join(",", shape.Select(size => size.ToString(CultureInfo.InvariantCulture)))}]";
}

/// <summary>What a served model takes and gives, and how requests are checked against it. Immutable.</summary>
internal sealed class ModelSignature
{
    private readonly string _model;

    public ModelSignature(string model, Engine engine)
    {
        _model = model;
        Inputs = [.. engine.Inputs.Select(input => new TensorSlot(input.Name, input.Type))];
        Outputs = [.. engine.Outputs.Select(output => new TensorSlot(output.Name, output.Type))];
        TakesAnyBatch = SymbolSizes.Batch(engine.Inputs) is not null;
        (MinBatch, MaxBatch) = (engine.MinBatch, engine.MaxBatch);
    }

    public IReadOnlyList<TensorSlot> Inputs { get; }

    public IReadOnlyList<TensorSlot> Outputs { get; }

    /// <summary>Whether the batch is open; otherwise the network runs at one batch only.</summary>
    public bool TakesAnyBatch { get; }

    /// <summary>Whether inputs and outputs are rows that can be stacked with those of other requests.</summary>
    public bool IsStackable => TakesAnyBatch && Inputs.All(input => input.IsStackedRows) && Outputs.All(output => output.IsStackedRows);

    public int MinBatch { get; }

    public int MaxBatch { get; }

    /// <summary>Checks a request's tensors: names, types, sizes and bytes.</summary>
    /// <returns>The data of each input in the model's order, and the rows of the batch.</returns>
    /// <exception cref="RequestException">They do not fit.</exception>
    public (ReadOnlyMemory<byte>[] Data, int Rows) Bind(IReadOnlyList<RequestTensor> tensors)
    {
        if (tensors.Count != Inputs.Count) throw Wrong($"expected {Count(Inputs.Count, "input")} ({InputNames}), got {tensors.Count}.");
        var data = new ReadOnlyMemory<byte>[Inputs.Count];
        Span<bool> seen = stackalloc bool[Math.Min(Inputs.Count, 256)];
        if (Inputs.Count > seen.Length) seen = new bool[Inputs.Count];
        int? rows = TakesAnyBatch ? null : MaxBatch;
        foreach (var tensor in tensors)
        {
            var index = IndexOf(tensor.Name);
            if (seen[index]) throw Wrong($"input '{tensor.Name}' is given twice.");
            seen[index] = true;
            rows = Check(Inputs[index], tensor, rows);
            data[index] = tensor.Data;
        }
        // Inputs without a batch of their own come with any.
        return (data, rows ?? MaxBatch);
    }

    /// <summary>The place of the output that a request names.</summary>
    /// <exception cref="RequestException">There is none.</exception>
    public int OutputIndex(string name)
    {
        for (var i = 0; i < Outputs.Count; i++)
            if (Outputs[i].Name == name) return i;
        throw Wrong($"there is no output '{name}'. Its outputs are {string.Join(", ", Outputs.Select(output => $"'{output.Name}'"))}.");
    }

    private string InputNames => string.Join(", ", Inputs.Select(input => $"'{input.Name}' {input}"));

    private int IndexOf(string name)
    {
        for (var i = 0; i < Inputs.Count; i++)
            if (Inputs[i].Name == name) return i;
        throw Wrong($"there is no input '{name}'. It takes {InputNames}.");
    }

    private int? Check(TensorSlot slot, RequestTensor tensor, int? rows)
    {
        if (tensor.DataType != slot.DataType) throw Wrong($"input '{slot.Name}' takes {slot}, got {tensor.DataType}.");
        if (tensor.Shape.Length != slot.Type.Rank) throw Misfit(slot, tensor, $"It has {Count(slot.Type.Rank, "dimension")}.");
        for (var axis = 0; axis < tensor.Shape.Length; axis++)
        {
            var (dim, size) = (slot.Type[axis], tensor.Shape[axis]);
            if (dim.Symbol is not null && rows is null)
            {
                if (size < 1 || size > MaxBatch) throw Misfit(slot, tensor, $"The model takes batches of 1 to {MaxBatch}: split the request, or let it be loaded with a larger max_batch_size.");
                rows = (int)size;
            }
            var expected = dim.IsFixed ? dim.Value : rows is { } batch ? dim.Bind(_ => batch).Value : size;
            if (size != expected) throw Misfit(slot, tensor, $"Dimension {axis} must be {expected.ToString(CultureInfo.InvariantCulture)}.");
        }
        var bytes = slot.BytesAt(rows ?? MaxBatch);
        if (tensor.Data.Length != bytes) throw Wrong($"input '{slot.Name}' {slot.DataType}{TensorSlot.ShapeText(tensor.Shape)} has {bytes} bytes, got {tensor.Data.Length}.");
        if (slot.Type.DataType == Pith.DataType.Bool && tensor.Data.Span.ContainsAnyExceptInRange((byte)0, (byte)1)) throw Wrong($"input '{slot.Name}' is BOOL: expected bytes of 0 or 1, got another value.");
        return rows;
    }

    private RequestException Misfit(TensorSlot slot, RequestTensor tensor, string expected) => Wrong($"input '{slot.Name}' takes {slot}, got {TensorSlot.ShapeText(tensor.Shape)}. {expected}");

    private RequestException Wrong(string what) => RequestException.Invalid($"Model '{_model}': {what}");

    private static string Count(int count, string what) => count == 1 ? $"1 {what}" : $"{count} {what}s";
}
