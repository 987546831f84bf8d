using System.Text;

namespace Pith;

/// <summary>Writes a graph as text, one node a line, in execution order. The text is stable: the same graph prints the same.</summary>
public static class GraphPrinter
{
    /// <summary>The graph as text.</summary>
    public static string Print(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var text = new StringBuilder();
        text.Append("graph ").Append(graph.Name).Append('(').AppendJoin(", ", graph.Inputs).Append(")\n");
        foreach (var node in graph.Nodes)
            text.Append("  ").Append(node).Append("  # ").Append(node.Name).Append('\n');
        text.Append("  return ").AppendJoin(", ", graph.Outputs.Select(output => "%" + output.Name)).Append('\n');
        return text.ToString();
    }
}
