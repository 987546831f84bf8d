namespace Pith.Passes;

/// <summary>A pass that looks at one node at a time: every node whose op is a <typeparamref name="TOp"/> is offered once per sweep.</summary>
/// <typeparam name="TOp">The op to look for.</typeparam>
public abstract class Rewrite<TOp> : Pass where TOp : Op
{
    /// <inheritdoc/>
    public sealed override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            // An earlier rewrite of this sweep may have cut the node off: then nobody reads it and it is not worth looking at.
            if (node.Op is not TOp op || node.Outputs.All(output => output.Uses.Count == 0 && !output.IsGraphOutput)) continue;
            if (Apply(graph, node, op)) changes++;
        }
        return changes;
    }

    /// <summary>Rewrites around <paramref name="node"/> when the pattern is there.</summary>
    /// <returns>True when the graph was changed.</returns>
    protected abstract bool Apply(Graph graph, Node node, TOp op);
}
