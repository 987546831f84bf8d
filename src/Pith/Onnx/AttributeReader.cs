namespace Pith.Onnx;

/// <summary>Turns a node's attributes into what <see cref="OpReader"/> takes: long, float, string, long[], float[], string[] or <see cref="Tensor"/>.</summary>
internal static class AttributeReader
{
    /// <summary>The attributes by name.</summary>
    /// <param name="node">The node in the file.</param>
    /// <param name="tensors">Reads tensor attributes.</param>
    /// <param name="error">Makes an exception that names the node.</param>
    public static Dictionary<string, object> Read(NodeProto node, TensorReader tensors, Func<string, PithException> error)
    {
        var attributes = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var attribute in node.Attribute)
            if (!attributes.TryAdd(attribute.Name, Read(attribute, tensors, error))) throw error($"attribute '{attribute.Name}' is given twice");
        return attributes;
    }

    private static object Read(AttributeProto attribute, TensorReader tensors, Func<string, PithException> error)
    {
        if (attribute.RefAttrName.Length > 0) throw error($"attribute '{attribute.Name}' refers to an attribute of a function, which only nodes of functions may do");
        return TypeOf(attribute) switch
        {
            AttributeProto.Types.AttributeType.Float => attribute.F,
            AttributeProto.Types.AttributeType.Int => attribute.I,
            AttributeProto.Types.AttributeType.String => attribute.S.ToStringUtf8(),
            AttributeProto.Types.AttributeType.Floats => attribute.Floats.ToArray(),
            AttributeProto.Types.AttributeType.Ints => attribute.Ints.ToArray(),
            AttributeProto.Types.AttributeType.Strings => attribute.Strings.Select(text => text.ToStringUtf8()).ToArray(),
            AttributeProto.Types.AttributeType.Tensor when attribute.T is not null => tensors.Read(attribute.T, attribute.Name),
            AttributeProto.Types.AttributeType.SparseTensor when attribute.SparseTensor is not null => SparseTensorReader.Read(attribute.SparseTensor, attribute.Name, tensors),
            AttributeProto.Types.AttributeType.Graph or AttributeProto.Types.AttributeType.Graphs => throw error($"attribute '{attribute.Name}' is a sub-graph; Pith runs graphs without control flow"),
            var type => throw error($"attribute '{attribute.Name}' is of type {type.ToString().ToUpperInvariant()}, which Pith does not read"),
        };
    }

    // Files of the first ONNX versions leave the type out; then the field that is there says it.
    private static AttributeProto.Types.AttributeType TypeOf(AttributeProto attribute)
    {
        if (attribute.Type != AttributeProto.Types.AttributeType.Undefined) return attribute.Type;
        if (attribute.HasF) return AttributeProto.Types.AttributeType.Float;
        if (attribute.HasI) return AttributeProto.Types.AttributeType.Int;
        if (attribute.HasS) return AttributeProto.Types.AttributeType.String;
        if (attribute.T is not null) return AttributeProto.Types.AttributeType.Tensor;
        if (attribute.G is not null) return AttributeProto.Types.AttributeType.Graph;
        if (attribute.Floats.Count > 0) return AttributeProto.Types.AttributeType.Floats;
        if (attribute.Strings.Count > 0) return AttributeProto.Types.AttributeType.Strings;
        return AttributeProto.Types.AttributeType.Ints;
    }
}
