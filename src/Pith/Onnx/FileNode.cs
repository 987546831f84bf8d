namespace Pith.Onnx;

/// <summary>A node of a file, with the opsets that it was written for: those of the model, or of the function that it comes from.</summary>
/// <param name="Proto">The node.</param>
/// <param name="Opsets">The version per domain.</param>
internal sealed record FileNode(NodeProto Proto, IReadOnlyDictionary<string, int> Opsets)
{
    /// <summary>The domain of the op; ONNX's own is empty.</summary>
    public string Domain { get; } = OpsetImports.Domain(Proto.Domain);

    /// <summary>The version of the op's domain.</summary>
    public int Opset => Opsets.GetValueOrDefault(Domain, 1);

    /// <summary>What messages call the node.</summary>
    public string Title => Proto.Name.Length > 0 ? $"{Proto.OpType} '{Proto.Name}'" : $"{Proto.OpType} (without a name, first output '{Proto.Output.FirstOrDefault()}')";
}
