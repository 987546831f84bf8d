namespace Pith;

/// <summary>Checks what insertion cannot: that use-lists, names, order and inferred types still agree after a pass. Run between passes.</summary>
public static class GraphVerifier
{
    /// <summary>Returns when the graph is consistent.</summary>
    /// <exception cref="PithException">The first inconsistency, with the node or value it concerns.</exception>
    public static void Verify(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        if (graph.Outputs.Count == 0) throw new PithException($"Graph '{graph.Name}' has no output, so nothing would be computed.");
        foreach (var value in graph.Values) VerifyValue(graph, value);
        foreach (var node in graph.Nodes) VerifyNode(node);
    }

    private static void VerifyValue(Graph graph, Value value)
    {
        if (!ReferenceEquals(graph.Find(value.Name), value)) throw new PithException($"Value '{value.Name}' is registered under another name in graph '{graph.Name}'.");
        if (value.Producer is null && value.Constant is null && !value.IsGraphInput) throw new PithException($"Value '{value.Name}' has no producer, is neither a constant nor an input.");
        if (value.Constant is { } tensor && value.Type != TensorType.Of(tensor)) throw new PithException($"Constant '{value.Name}' is declared {value.Type} but holds {tensor}.");
        foreach (var use in value.Uses)
            if (!ReferenceEquals(use.Node.Input(use.Index), value))
                throw new PithException($"Value '{value.Name}' lists a use by '{use.Node.Name}' (operand {use.Index}) that reads something else.");
    }

    private static void VerifyNode(Node node)
    {
        for (var i = 0; i < node.Inputs.Count; i++)
            if (node.Inputs[i] is { } input && !input.Uses.Contains(new Use(node, i)))
                throw new PithException($"{node.Op.Schema.Name} '{node.Name}' reads '{input.Name}' but is not in its use-list.");
        var types = new InferContext(node.Name, node.Op, node.Inputs, node.Outputs.Count).Infer();
        for (var i = 0; i < types.Count; i++)
            if (!node.Outputs[i].Type.Accepts(types[i]))
                throw new PithException($"{node.Op.Schema.Name} '{node.Name}': output '{node.Outputs[i].Name}' is declared {node.Outputs[i].Type} but infers as {types[i]}.");
    }
}
