namespace Pith.Building;

/// <summary>Groups the nodes of a graph into what will be layers.</summary>
internal static class Fusion
{
    /// <summary>The fused nodes in execution order. Values in <paramref name="observed"/> and the graph's outputs are always results of one.</summary>
    public static IEnumerable<FusedNode> Fuse(Graph graph, IReadOnlyCollection<Value> observed, EngineOptions options) => graph.Nodes.Select(Single);

    private static FusedNode Single(Node node) => new()
    {
        Nodes = [node],
        Inputs = node.Inputs,
        Outputs = node.Outputs,
        Layouts = OpLayouts.Of(node),
        Create = parts => new OpLayer { Op = node.Op, Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, Macs = parts.Macs },
    };
}
