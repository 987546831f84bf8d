namespace Pith.Onnx;

/// <summary>
/// Orders a file's nodes so that each stands after those whose results it reads: as in the file, when they stand so there, so that a graph that was saved comes back in its own order. Nodes that no
/// output depends on are left out.
/// </summary>
internal static class NodeOrder
{
    /// <summary>The nodes in an order in which they can be added to a graph.</summary>
    /// <param name="nodes">The nodes as in the file.</param>
    /// <param name="outputs">The names that the graph returns.</param>
    /// <param name="isGiven">True for names of inputs and initializers.</param>
    /// <exception cref="PithException">A name is written twice or by nobody, or the nodes depend on each other in a circle.</exception>
    public static List<FileNode> Sort(IReadOnlyList<FileNode> nodes, IEnumerable<string> outputs, Func<string, bool> isGiven)
    {
        var producers = Producers(nodes, isGiven);
        var roots = outputs.Where(producers.ContainsKey).Select(output => producers[output]).Order().Select(index => nodes[index]);
        var sorted = DepthFirstOrder.Sort(roots, Dependencies, (node, other) => new PithException($"{node.Title} and {other.Title} depend on each other: the graph has a cycle."));
        var isUsed = sorted.ToHashSet<FileNode>(ReferenceEqualityComparer.Instance);
        var asInFile = nodes.Where(isUsed.Contains).ToList();
        return IsInOrder(asInFile, isGiven) ? asInFile : sorted;

        IEnumerable<FileNode> Dependencies(FileNode node) => node.Proto.Input.Where(name => name.Length > 0 && !isGiven(name)).Select(name =>
            producers.TryGetValue(name, out var producer) ? nodes[producer] : throw new PithException($"{node.Title} reads '{name}', which no node, input or initializer provides."));
    }

    private static bool IsInOrder(List<FileNode> nodes, Func<string, bool> isGiven)
    {
        var written = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in nodes)
        {
            if (node.Proto.Input.Any(name => name.Length > 0 && !isGiven(name) && !written.Contains(name))) return false;
            written.UnionWith(node.Proto.Output);
        }
        return true;
    }

    private static Dictionary<string, int> Producers(IReadOnlyList<FileNode> nodes, Func<string, bool> isGiven)
    {
        var producers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < nodes.Count; i++)
        {
            foreach (var output in nodes[i].Proto.Output)
            {
                if (output.Length == 0) continue;
                if (isGiven(output)) throw new PithException($"{nodes[i].Title} writes '{output}', which is an input or initializer of the graph.");
                if (!producers.TryAdd(output, i)) throw new PithException($"{nodes[i].Title} and {nodes[producers[output]].Title} both write '{output}'.");
            }
        }
        return producers;
    }
}
