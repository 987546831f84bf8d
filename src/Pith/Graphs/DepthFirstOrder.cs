namespace Pith;

/// <summary>Orders items so that each stands after those it depends on; ties keep the given order.</summary>
internal static class DepthFirstOrder
{
    /// <summary>The roots and all that they depend on, in order.</summary>
    /// <param name="roots">Where to start.</param>
    /// <param name="dependencies">What an item depends on: for each of its operands an item, or null where the operand is given.</param>
    /// <param name="cycle">The error for an item and one that it depends on and that depends on it.</param>
    /// <typeparam name="T">Items, compared by reference.</typeparam>
    public static List<T> Sort<T>(IEnumerable<T> roots, Func<T, IEnumerable<T?>> dependencies, Func<T, T, PithException> cycle) where T : class
    {
        var isDone = new Dictionary<T, bool>(ReferenceEqualityComparer.Instance);
        var sorted = new List<T>();
        // An explicit stack: a chain of a hundred thousand nodes must not overflow the thread's.
        var stack = new Stack<(T Item, IEnumerator<T?> Dependencies)>();
        foreach (var root in roots)
        {
            if (!isDone.ContainsKey(root)) Open(root);
            while (stack.TryPeek(out var top))
            {
                if (!top.Dependencies.MoveNext())
                {
                    stack.Pop();
                    isDone[top.Item] = true;
                    sorted.Add(top.Item);
                }
                else if (top.Dependencies.Current is { } dependency)
                {
                    if (!isDone.TryGetValue(dependency, out var done)) Open(dependency);
                    else if (!done) throw cycle(top.Item, dependency);
                }
            }
        }
        return sorted;

        void Open(T item)
        {
            isDone[item] = false;
            stack.Push((item, dependencies(item).GetEnumerator()));
        }
    }
}
