namespace Pith.Fuzz.Differential.Errors;

/// <summary>The interpreter with bounds beside its values: a rule for each kind of op says how errors of its operands, and its own rounding, become errors of its results.</summary>
internal static class BoundedInterpreter
{
    public static Bounded[] Run(Graph graph, IReadOnlyList<Tensor> inputs)
    {
        var known = new Dictionary<Value, Bounded>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < inputs.Count; i++) known[graph.Inputs[i]] = Exact(inputs[i]);
        foreach (var node in graph.Nodes)
        {
            var operands = node.Inputs.Select(input => input is null ? null : known.TryGetValue(input, out var value) ? value : known[input] = Exact(input.Constant!)).ToArray();
            var results = node.Op.Evaluate([.. operands.Select(operand => operand?.Value)], node.Outputs.Count);
            var bounded = ErrorRules.Apply(node, operands, results);
            for (var i = 0; i < results.Length; i++) known[node.Outputs[i]] = bounded[i];
        }
        return [.. graph.Outputs.Select(output => known.TryGetValue(output, out var value) ? value : Exact(output.Constant!))];
    }

    internal static Bounded Exact(Tensor value) => new(value) { Unit = Units.Of(value), Magnitude = Units.Largest(value) };
}
