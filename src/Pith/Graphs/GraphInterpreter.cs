namespace Pith;

/// <summary>
/// Runs a graph with each op's <see cref="Op.Evaluate"/>: plain loops, one node after the other. The executable specification that every
/// engine is compared against; slow on purpose.
/// </summary>
public static class GraphInterpreter
{
    /// <summary>Computes the graph's outputs.</summary>
    /// <param name="graph">The graph; may have symbolic dimensions, which the inputs then settle.</param>
    /// <param name="inputs">One tensor per graph input, in order; not changed.</param>
    /// <param name="observe">Called with each value that a node computes, in execution order.</param>
    /// <returns>One tensor per graph output, in order.</returns>
    /// <exception cref="PithException">An input does not fit the declared type, or an op cannot be evaluated.</exception>
    public static Tensor[] Run(Graph graph, IReadOnlyList<Tensor> inputs, Action<Value, Tensor>? observe = null)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(inputs);
        var tensors = Bind(graph, inputs);
        var readsLeft = graph.Values.ToDictionary(value => value, value => value.Uses.Count + (value.IsGraphOutput ? 1 : 0));
        foreach (var node in graph.Nodes)
        {
            var operands = node.Inputs.Select(input => input is null ? null : tensors.GetValueOrDefault(input) ?? input.Constant).ToArray();
            var results = node.Evaluate(operands);
            for (var i = 0; i < results.Length; i++)
            {
                tensors[node.Outputs[i]] = results[i];
                observe?.Invoke(node.Outputs[i], results[i]);
            }
            foreach (var input in node.Inputs)
                if (input is not null && --readsLeft[input] == 0) tensors.Remove(input);
        }
        return [.. graph.Outputs.Select(output => tensors.GetValueOrDefault(output) ?? output.Constant!)];
    }

    private static Dictionary<Value, Tensor> Bind(Graph graph, IReadOnlyList<Tensor> inputs)
    {
        if (inputs.Count != graph.Inputs.Count) throw new PithException($"Graph '{graph.Name}' has {graph.Inputs.Count} inputs, got {inputs.Count} tensors.");
        var tensors = new Dictionary<Value, Tensor>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < inputs.Count; i++)
        {
            if (!graph.Inputs[i].Type.Accepts(TensorType.Of(inputs[i]))) throw new PithException($"Input '{graph.Inputs[i].Name}': expected {graph.Inputs[i].Type}, got {inputs[i]}.");
            tensors[graph.Inputs[i]] = inputs[i];
        }
        return tensors;
    }
}
