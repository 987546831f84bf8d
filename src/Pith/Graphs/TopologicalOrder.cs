namespace Pith;

/// <summary>Orders nodes so that each stands after those it reads from; ties keep the given order, so printing and execution are stable.</summary>
internal static class TopologicalOrder
{
    private enum Mark { Fresh, Open, Done }

    public static Node[] Sort(IReadOnlyList<Node> nodes)
    {
        var marks = new Dictionary<Node, Mark>(nodes.Count, ReferenceEqualityComparer.Instance);
        var sorted = new List<Node>(nodes.Count);
        // An explicit stack: a chain of a hundred thousand nodes must not overflow the thread's.
        var stack = new Stack<(Node Node, int NextInput)>();
        foreach (var root in nodes)
        {
            if (marks.GetValueOrDefault(root) == Mark.Done) continue;
            marks[root] = Mark.Open;
            stack.Push((root, 0));
            while (stack.TryPop(out var top))
            {
                if (top.NextInput == top.Node.Inputs.Count)
                {
                    marks[top.Node] = Mark.Done;
                    sorted.Add(top.Node);
                    continue;
                }
                stack.Push((top.Node, top.NextInput + 1));
                if (top.Node.Inputs[top.NextInput]?.Producer is not { } producer) continue;
                switch (marks.GetValueOrDefault(producer))
                {
                    case Mark.Open:
                        throw new PithException($"The graph has a cycle through node '{producer.Name}' ({producer.Op.Schema.Name}).");
                    case Mark.Fresh:
                        marks[producer] = Mark.Open;
                        stack.Push((producer, 0));
                        break;
                }
            }
        }
        return [.. sorted];
    }
}
