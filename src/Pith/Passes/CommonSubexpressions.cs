using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Computes the same thing once: nodes with equal ops and operands, and equal integer constants (axes, shapes, zero points). Float constants are left
/// alone, because each may be a parameter that training or pruning changes on its own.
/// </summary>
public sealed class CommonSubexpressions : Pass
{
    // Longer integer constants are tables and quantized weights.
    private const int MaxElements = 1024;

    /// <inheritdoc/>
    public override int Apply(Graph graph) => MergeConstants(graph) + MergeNodes(graph);

    private static int MergeConstants(Graph graph)
    {
        var changes = 0;
        var kept = new Dictionary<(TensorType, string), Value>();
        foreach (var constant in graph.Constants.ToArray())
        {
            var tensor = constant.Constant!;
            if (tensor.DataType.IsFloat() || tensor.Length > MaxElements || constant.Uses.Count == 0 || constant.IsGraphOutput) continue;
            var key = (constant.Type, Convert.ToHexString(tensor.Bytes));
            if (kept.TryAdd(key, constant)) continue;
            graph.ReplaceAllUses(constant, kept[key]);
            graph.Remove(constant);
            changes++;
        }
        return changes;
    }

    private static int MergeNodes(Graph graph)
    {
        var changes = 0;
        var kept = new Dictionary<Computation, Node>();
        foreach (var node in graph.Nodes.ToArray())
        {
            var key = new Computation(node.Op, node.Outputs.Count, node.Inputs.ToValueList());
            if (kept.TryAdd(key, node)) continue;
            // The graph returns both under their own names.
            if (node.Outputs.Any(output => output.IsGraphOutput)) continue;
            for (var i = 0; i < node.Outputs.Count; i++) graph.ReplaceAllUses(node.Outputs[i], kept[key].Outputs[i]);
            graph.Remove(node);
            changes++;
        }
        return changes;
    }

    private readonly record struct Computation(Op Op, int OutputCount, ValueList<Value?> Inputs);
}
