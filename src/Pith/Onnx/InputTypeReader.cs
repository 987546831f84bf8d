using System.Globalization;

namespace Pith.Onnx;

/// <summary>Reads the declared types of graph inputs. Dimensions without a usable size get symbols of their own.</summary>
internal sealed class InputTypeReader
{
    private readonly HashSet<string> _symbols;

    /// <summary>Creates a reader that keeps new symbols apart from those that <paramref name="inputs"/> declare.</summary>
    public InputTypeReader(IEnumerable<ValueInfoProto> inputs) =>
        _symbols = [.. inputs.SelectMany(input => input.Type?.TensorType?.Shape?.Dim.Select(dim => dim.DimParam) ?? [])];

    /// <summary>The type of an input.</summary>
    /// <exception cref="PithException">It is not a tensor, or its element type or rank is unknown to Pith.</exception>
    public TensorType Read(ValueInfoProto input)
    {
        if (input.Type?.TensorType is not { } tensor)
            throw new PithException($"Input '{input.Name}' is {Kind(input.Type)}; Pith computes with tensors only.");
        var type = TensorReader.ElementType(tensor.ElemType)
            ?? throw new PithException($"Input '{input.Name}' has elements of type {TensorReader.TypeName(tensor.ElemType)}, which Pith does not compute with.");
        if (tensor.Shape is not { } shape)
            throw new PithException($"Input '{input.Name}' does not say how many dimensions it has. Export the model with the shapes of its inputs (a batch size may stay symbolic).");
        if (shape.Dim.Count > TensorType.MaxRank) throw new PithException($"Input '{input.Name}' has {shape.Dim.Count} dimensions; Pith handles up to {TensorType.MaxRank}.");
        return new TensorType(type, shape.Dim.Select((dim, axis) => Read(dim, input.Name, axis)).ToValueList());
    }

    /// <summary>How a type that is not a tensor is called in messages.</summary>
    public static string Kind(TypeProto? type) => type?.ValueCase switch
    {
        TypeProto.ValueOneofCase.SequenceType => "a sequence",
        TypeProto.ValueOneofCase.OptionalType => "an optional",
        TypeProto.ValueOneofCase.MapType => "a map",
        TypeProto.ValueOneofCase.SparseTensorType => "a sparse tensor",
        TypeProto.ValueOneofCase.TensorType => "a tensor",
        _ => "of an unknown type",
    };

    private Dim Read(TensorShapeProto.Types.Dimension dim, string input, int axis)
    {
        var size = dim.DimValue;
        // Some exporters write sizes into the name, and `?`, `None`, an empty name, 0 or -1 where they know nothing.
        if (dim.ValueCase == TensorShapeProto.Types.Dimension.ValueOneofCase.DimParam && !long.TryParse(dim.DimParam, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out size))
            return dim.DimParam is "" or "?" or "None" ? Fresh(input, axis) : DimText.Read(dim.DimParam);
        if (size > int.MaxValue) throw new PithException($"Input '{input}' has the size {size} in dimension {axis}; Pith handles up to {int.MaxValue}.");
        return size > 0 ? Dim.Of((int)size) : Fresh(input, axis);
    }

    // The first dimension of the first input is the batch in all but odd models, and `N` is what everybody calls it.
    private Dim Fresh(string input, int axis)
    {
        var name = axis == 0 && _symbols.Add("N") ? "N" : $"{input}_d{axis}";
        for (var suffix = 1; name != "N" && !_symbols.Add(name); suffix++) name = $"{input}_d{axis}_{suffix}";
        return Dim.Named(name);
    }
}
