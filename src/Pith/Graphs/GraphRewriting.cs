namespace Pith;

/// <summary>Replacements that passes share.</summary>
internal static class GraphRewriting
{
    /// <summary>
    /// Puts a node with another op and other operands in the place of <paramref name="node"/>, which has one output in use; node and output keep their names.
    /// </summary>
    /// <returns>The new node.</returns>
    public static Node Substitute(this Graph graph, Node node, Op op, ReadOnlySpan<Value?> inputs)
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
    public static void ReplaceBy(this Graph graph, Node node, Value value)
    {
        var name = node.Output.Name;
        graph.ReplaceAllUses(node.Output, value);
        graph.Remove(node);
        graph.Rename(value, name);
    }

    /// <summary>
    /// Gives operand <paramref name="index"/> of <paramref name="node"/> another constant: in place when nobody else reads the old one, else as a new one called after <paramref name="name"/>.
    /// </summary>
    public static void SetConstantOperand(this Graph graph, Node node, int index, Tensor tensor, string name)
    {
        if (node.Input(index) is { Constant: not null } old && old.SingleConsumer is not null && old.Type == TensorType.Of(tensor)) graph.SetConstant(old, tensor);
        else graph.ReplaceInput(node, index, graph.AddConstant(name, tensor));
    }
}
