using Pith.Ops;

namespace Pith;

/// <summary>A quantized network as the float network that it stands for.</summary>
public static class QdqRemoval
{
    /// <summary>
    /// A copy of <paramref name="graph"/> without QuantizeLinear and DequantizeLinear. Activations are read as they are before a pair; integer constants become the floats that they stand for, and float constants with a
    /// pair after them stay what they are. What needs integers (an 8-bit input, say) keeps its DequantizeLinear.
    /// </summary>
    /// <param name="graph">The network; not changed. Inputs and outputs keep their names; an output that was integers is float.</param>
    /// <exception cref="PithException">An op reads the integers of a pair and does not take floats.</exception>
    public static Graph Of(Graph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var copy = new Graph(graph.Name);
        foreach (var (key, text) in graph.Metadata) copy.Metadata[key] = text;
        var copies = new Dictionary<Value, Value>(ReferenceEqualityComparer.Instance);
        foreach (var input in graph.Inputs) copies[input] = copy.AddInput(input.Name, input.Type);
        foreach (var constant in graph.Constants) copies[constant] = copy.AddConstant(constant.Name, constant.Constant!);
        foreach (var node in graph.Nodes)
        {
            if (node.Op is QuantizeLinear && copies[node.Inputs[0]!].Type.DataType.IsFloat()) copies[node.Output] = copies[node.Inputs[0]!];
            else if (node.Op is DequantizeLinear && copies[node.Inputs[0]!] is { } source && source.Type.DataType.IsFloat()) copies[node.Output] = source;
            else if (node.Op is DequantizeLinear && WeightOperand.Evaluate(node.Output) is { } floats) copies[node.Output] = copy.AddConstant(node.Output.Name, floats);
            else Add(copy, node, copies);
        }
        foreach (var output in graph.Outputs) AddOutput(copy, output, copies[output]);
        new Passes.RemoveDeadNodes().Apply(copy);
        return copy;
    }

    private static void Add(Graph copy, Node node, Dictionary<Value, Value> copies)
    {
        var made = copy.AddNode(node.Op, [.. node.Inputs.Select(input => input is null ? null : copies[input])], node.Name, [.. node.Outputs.Select(output => output.Name)]);
        for (var i = 0; i < made.Outputs.Count; i++) copies[node.Outputs[i]] = made.Outputs[i];
    }

    // The caller knows an output by its name.
    private static void AddOutput(Graph copy, Value output, Value value)
    {
        if (value.Name == output.Name)
        {
            copy.AddOutput(value);
            return;
        }
        if (value.Producer is null || value.IsGraphOutput) value = copy.Add(new Identity(), value);
        if (copy.Find(output.Name) is null) copy.Rename(value, output.Name);
        copy.AddOutput(value);
    }
}
