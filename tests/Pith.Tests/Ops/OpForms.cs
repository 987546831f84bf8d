namespace Pith.Tests.Ops;

/// <summary>Reads and writes single ops in the form of one opset, without a file around them.</summary>
internal static class OpForms
{
    /// <summary>Builds an op from attributes and constant operands; <c>null</c> operands are present but not constant.</summary>
    public static (Op Op, OpReader Reader) Read(string name, int opset, Dictionary<string, object> attributes, params Tensor?[] inputs)
    {
        var types = inputs.Select(input => input is null ? TensorType.Float32(Dim.Named("N")) : TensorType.Of(input)).ToArray();
        var reader = new OpReader(name, "node", opset, attributes, inputs, outputCount: 1, types);
        var op = OpCatalog.Find(OpSchema.OnnxDomain, name)!.Read(reader);
        Assert.Empty(reader.Unread);
        return (op, reader);
    }

    /// <summary>What an op writes at an opset.</summary>
    public static OpWriter Write(Op op, int opset)
    {
        var writer = new OpWriter(opset, []);
        op.Write(writer);
        return writer;
    }
}
