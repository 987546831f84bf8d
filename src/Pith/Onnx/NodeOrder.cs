namespace Pith.Onnx;

/// <summary>
/// Orders a file's nodes so that each stands after those whose results it reads: as in the file, when they stand so there, so that a graph that was saved comes back in its own order. Nodes that no
/// output depends on are left out.
/// </summary>
internal static class NodeOrder
{
    private enum Mark : byte { Fresh, Open, Done }

    /// <summary>The nodes in an order in which they can be added to a graph.</summary>
    /// <param name="nodes">The nodes as in the file.</param>
    /// <param name="outputs">The names that the graph returns.</param>
    /// <param name="isGiven">True for names of inputs and initializers.</param>
    /// <exception cref="PithException">A name is written twice or by nobody, or the nodes depend on each other in a circle.</exception>
    public static List<FileNode> Sort(IReadOnlyList<FileNode> nodes, IEnumerable<string> outputs, Func<string, bool> isGiven)
    {
        var producers = Producers(nodes, isGiven);
        var marks = new Mark[nodes.Count];
        var sorted = new List<FileNode>(nodes.Count);
        // An explicit stack: a chain of a hundred thousand nodes must not overflow the thread's.
        var stack = new Stack<(int Node, int NextInput)>();
        foreach (var root in outputs.Where(producers.ContainsKey).Select(output => producers[output]).Order())
        {
            if (marks[root] == Mark.Done) continue;
            marks[root] = Mark.Open;
            stack.Push((root, 0));
            while (stack.TryPop(out var top))
            {
                var node = nodes[top.Node];
                if (top.NextInput == node.Proto.Input.Count)
                {
                    marks[top.Node] = Mark.Done;
                    sorted.Add(node);
                    continue;
                }
                stack.Push((top.Node, top.NextInput + 1));
                var name = node.Proto.Input[top.NextInput];
                if (name.Length == 0 || isGiven(name)) continue;
                if (!producers.TryGetValue(name, out var producer)) throw new PithException($"{node.Title} reads '{name}', which no node, input or initializer provides.");
                if (marks[producer] == Mark.Open) throw new PithException($"{node.Title} and {nodes[producer].Title} depend on each other: the graph has a cycle.");
                if (marks[producer] == Mark.Done) continue;
                marks[producer] = Mark.Open;
                stack.Push((producer, 0));
            }
        }
        var asInFile = nodes.Where((_, i) => marks[i] == Mark.Done).ToList();
        return IsInOrder(asInFile, isGiven) ? asInFile : sorted;
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
