using Pith.Ops;

namespace Pith.Passes;

/// <summary>Makes one Reshape of two nodes in a row that change the shape only (Reshape, Flatten, Squeeze, Unsqueeze).</summary>
public sealed class MergeReshapes : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (!IsReshape(node) || node.Output is { Uses.Count: 0, IsGraphOutput: false }) continue;
            if (node.Inputs[0]!.Producer is not { } before || !IsReshape(before)) continue;
            var source = before.Inputs[0]!;
            if (ReshapeTarget.Of(source.Type, node.Output.Type) is not { } target) continue;
            graph.Substitute(node, new Reshape(), [source, graph.AddConstant($"{node.Name}:shape", target)]);
            changes++;
        }
        return changes;
    }

    private static bool IsReshape(Node node) => node.Op is Reshape or Flatten or Squeeze or Unsqueeze;
}
