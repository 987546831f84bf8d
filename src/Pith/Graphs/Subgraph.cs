namespace Pith;

/// <summary>Cuts a part out of a network.</summary>
public static class Subgraph
{
    /// <summary>The part of <paramref name="graph"/> that computes <paramref name="to"/> from <paramref name="from"/>: a new graph whose inputs and outputs are these tensors, under their names. Constants are shared.</summary>
    /// <param name="graph">The network; not changed.</param>
    /// <param name="from">Names of tensors that become inputs, in order; empty for the network's own inputs, as far as they are needed.</param>
    /// <param name="to">Names of tensors that become outputs, in order; empty for the network's own outputs.</param>
    /// <exception cref="PithException">There is no such tensor, a constant is to be an input, the outputs need an input that is not named, or do not need one that is.</exception>
    public static Graph Extract(Graph graph, IReadOnlyList<string> from, IReadOnlyList<string> to)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(from);
        ArgumentNullException.ThrowIfNull(to);
        Value[] inputs = [.. from.Count == 0 ? graph.Inputs : from.Distinct().Select(name => Find(graph, name))];
        Value[] outputs = [.. to.Count == 0 ? graph.Outputs : to.Distinct().Select(name => Find(graph, name))];
        if (inputs.FirstOrDefault(input => input.Constant is not null) is { } constant) throw new PithException($"'{constant.Name}' is a constant and cannot become an input.");
        if (outputs.FirstOrDefault(output => output.Constant is not null || inputs.Contains(output)) is { } trivial) throw new PithException($"'{trivial.Name}' {(trivial.Constant is null ? "would be input and output at once" : "is a constant")}, so nothing would be computed.");

        var cut = inputs.ToHashSet<Value>(ReferenceEqualityComparer.Instance);
        var needed = Needed(outputs, cut);
        if (graph.Inputs.FirstOrDefault(input => needed.Contains(input) && !cut.Contains(input)) is { } missing)
            throw new PithException($"The outputs also need the input '{missing.Name}', which the subgraph would not have. Name it among the inputs, or cut nearer to the outputs.");
        if (from.Count > 0 && inputs.FirstOrDefault(input => !needed.Contains(input)) is { } unused)
            throw new PithException($"'{unused.Name}' does not lead to {string.Join(", ", outputs.Select(output => $"'{output.Name}'"))}; leave it out.");
        return Copy(graph, [.. inputs.Where(needed.Contains)], outputs, needed);
    }

    private static Value Find(Graph graph, string name) =>
        graph.Find(name) ?? throw new PithException($"Graph '{graph.Name}' has no tensor '{name}'. {Nearest(graph, name)}");

    private static string Nearest(Graph graph, string name) =>
        $"The nearest names are {string.Join(", ", graph.Values.Where(value => value.Constant is null).OrderBy(value => ClosestNames.Distance(value.Name, name)).Take(3).Select(value => $"'{value.Name}'"))}.";

    private static HashSet<Value> Needed(Value[] outputs, HashSet<Value> cut)
    {
        var needed = new HashSet<Value>(ReferenceEqualityComparer.Instance);
        var open = new Stack<Value>(outputs);
        while (open.TryPop(out var value))
        {
            if (!needed.Add(value) || cut.Contains(value) || value.Producer is not { } producer) continue;
            foreach (var input in producer.Inputs) if (input is not null) open.Push(input);
        }
        return needed;
    }

    private static Graph Copy(Graph graph, Value[] inputs, Value[] outputs, HashSet<Value> needed)
    {
        var copy = new Graph(graph.Name);
        foreach (var (key, text) in graph.Metadata) copy.Metadata[key] = text;
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        foreach (var input in inputs) copies[input] = copy.AddInput(input.Name, input.Type);
        foreach (var constant in graph.Constants.Where(needed.Contains)) copies[constant] = copy.AddConstant(constant.Name, constant.Constant!);
        foreach (var node in graph.Nodes.Where(node => node.Outputs.Any(output => needed.Contains(output) && !copies.ContainsKey(output))))
        {
            // A node that is cut at one of its outputs may still compute another.
            var names = node.Outputs.Select(output => copies.ContainsKey(output) ? "" : output.Name).ToArray();
            var made = copy.AddNode(node.Op, [.. node.Inputs.Select(input => input is null ? null : copies[input])], node.Name, names);
            for (var i = 0; i < made.Outputs.Count; i++) copies.TryAdd(node.Outputs[i], made.Outputs[i]);
        }
        foreach (var output in outputs) copy.AddOutput(copies[output]);
        return copy;
    }
}
