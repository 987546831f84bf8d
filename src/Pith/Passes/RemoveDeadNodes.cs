namespace Pith.Passes;

/// <summary>Removes nodes and constants whose results nobody reads.</summary>
public sealed class RemoveDeadNodes : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.Reverse().ToArray())
        {
            if (node.Outputs.Any(output => output.Uses.Count > 0 || output.IsGraphOutput)) continue;
            graph.Remove(node);
            changes++;
        }
        foreach (var constant in graph.Constants.ToArray())
        {
            if (constant.Uses.Count > 0 || constant.IsGraphOutput) continue;
            graph.Remove(constant);
            changes++;
        }
        return changes;
    }
}
