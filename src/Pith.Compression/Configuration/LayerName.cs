namespace Pith.Compression.Configuration;

/// <summary>What rules are matched against: the name and the op type of a node.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="OpType">The ONNX op type, e.g. <c>Conv</c>.</param>
public readonly record struct LayerName(string Name, string OpType)
{
    /// <summary>Name and type of <paramref name="node"/>.</summary>
    public static LayerName Of(Node node) => new(node.Name, node.Op.Schema.Name);
}
