namespace Pith.Building;

/// <summary>
/// A rewrite that the engine does for itself before it fuses layers: ops that it has no kernels for become others with the same results. The graph is never saved afterwards. A value that others
/// observe by name keeps that name.
/// </summary>
internal abstract class LoweringRewrite : Passes.Pass
{
    /// <inheritdoc/>
    public sealed override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            // An earlier change of this sweep may have removed the node, or left nobody who reads it.
            if (node.Outputs.All(output => output.Uses.Count == 0 && !output.IsGraphOutput)) continue;
            if (node.Outputs.Count != 1 || Rewrite(graph, node) is not { } replacement) continue;
            Replace(graph, node, replacement);
            changes++;
        }
        return changes;
    }

    /// <summary>What is read instead of the node's one result; null when the node stays.</summary>
    protected abstract Replacement? Rewrite(Graph graph, Node node);

    private static void Replace(Graph graph, Node node, Replacement replacement)
    {
        var (value, valueName, nodeName) = (node.Output, node.Output.Name, node.Name);
        graph.ReplaceAllUses(value, replacement.Value);
        graph.Remove(node);
        if (replacement.Main is not { } main) return;
        // As an output of the graph, the new value has taken the name already.
        if (graph.Find(valueName) is null) graph.Rename(replacement.Value, valueName);
        graph.Rename(main, nodeName);
    }

    /// <summary>What takes a node's place.</summary>
    /// <param name="Value">Is read instead of its result.</param>
    /// <param name="Main">The new node that does the work and takes the old one's name, as the new value takes the old one's; null when the value was there before and keeps its own.</param>
    protected readonly record struct Replacement(Value Value, Node? Main);
}
