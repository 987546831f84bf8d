namespace Pith;

/// <summary>Replacements that passes share.</summary>
public static class GraphRewriting
{
    /// <summary>
    /// Puts a node with another op and other operands in the place of <paramref name="node"/>, which has one output in use; node and output keep their names.
    /// </summary>
    /// <returns>The new node.</returns>
    internal static Node Substitute(this Graph graph, Node node, Op op, ReadOnlySpan<Value?> inputs)
    {
        var (nodeName, valueName) = (node.Name, node.Output.Name);
        var made = graph.AddNode(op, inputs, nodeName);
        graph.ReplaceAllUses(node.Output, made.Output);
        graph.Remove(node);
        graph.Rename(made, nodeName);
        graph.Rename(made.Output, valueName);
        return made;
    }

    /// <summary>
    /// Removes <paramref name="node"/>, whose result <paramref name="value"/> now holds: its readers read <paramref name="value"/>, which takes over the result's name,
    /// so that a name stays with the tensor that it stands for.
    /// </summary>
    internal static void ReplaceBy(this Graph graph, Node node, Value value)
    {
        var name = node.Output.Name;
        graph.ReplaceAllUses(node.Output, value);
        graph.Remove(node);
        graph.Rename(value, name);
    }

    /// <summary>
    /// Gives operand <paramref name="index"/> of <paramref name="node"/> another constant: in place when no other node reads the old one and the graph does not return it, otherwise as a new constant.
    /// </summary>
    /// <param name="graph">The graph of <paramref name="node"/>.</param>
    /// <param name="node">The node that reads the constant.</param>
    /// <param name="index">The operand's position.</param>
    /// <param name="tensor">The new constant; the graph keeps it.</param>
    /// <param name="name">The name of a new constant, made unique.</param>
    public static void SetConstantOperand(this Graph graph, Node node, int index, Tensor tensor, string name)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(node);
        if (node.Input(index) is { Constant: not null } old && old.SingleConsumer is not null && old.Type == TensorType.Of(tensor)) graph.SetConstant(old, tensor);
        else graph.ReplaceInput(node, index, graph.AddConstant(name, tensor));
    }
}
