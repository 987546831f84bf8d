using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// Writes element-wise ops of several spellings in the one that the others look for: Sum as Add, Max and Min with one number as Clip, two clippings in a row as one. A Relu before a Clip is such a clipping, too.
/// </summary>
public sealed class PlainElementwise : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.Outputs.All(output => output.Uses.Count == 0 && !output.IsGraphOutput)) continue;
            if (SumToAdd(graph, node) || ExtremumToClip(graph, node) || MergeClips(graph, node)) changes++;
        }
        return changes;
    }

    private static bool SumToAdd(Graph graph, Node node)
    {
        if (node.Op is not Sum || node.Inputs.Count < 2) return false;
        var sum = node.Inputs[0]!;
        for (var i = 1; i < node.Inputs.Count - 1; i++) sum = graph.AddNode(new Add(), [sum, node.Inputs[i]], $"{node.Name}/{i}").Output;
        graph.Substitute(node, new Add(), [sum, node.Inputs[^1]]);
        return true;
    }

    private static bool ExtremumToClip(Graph graph, Node node)
    {
        if (node.Op is not (Max or Min) || node.Inputs.Count != 2 || !node.Output.Type.DataType.IsFloat()) return false;
        for (var side = 0; side < 2; side++)
        {
            var x = node.Inputs[side]!;
            if (node.Inputs[1 - side]!.Constant is not { Length: 1 } bound || x.Constant is not null || x.Type != node.Output.Type || double.IsNaN(Reals.Of(bound)[0])) continue;
            var limit = graph.AddConstant($"{node.Name}:bound", bound.Reshape(new Shape()));
            graph.Substitute(node, new Clip(), node.Op is Max ? [x, limit] : [x, null, limit]);
            return true;
        }
        return false;
    }

    private static bool MergeClips(Graph graph, Node node)
    {
        if (node.Op is not Clip || node.Inputs[0]!.Producer is not { } before || before.Output.SingleConsumer != node || !node.Output.Type.DataType.IsFloat()) return false;
        if (BoundsOf(node) is not var (low, high) || BoundsOf(before) is not var (first, last)) return false;
        var type = node.Output.Type.DataType;
        Value Bound(double bound) => graph.AddConstant($"{node.Name}:bound", Reals.Create(type, new Shape(), [bound]));
        // What the first leaves lies between its bounds, and so does every number after the second.
        var (lower, upper) = (Math.Clamp(first, low, high), Math.Clamp(last, low, high));
        graph.Substitute(node, new Clip(), [before.Inputs[0], double.IsNegativeInfinity(lower) ? null : Bound(lower), double.IsPositiveInfinity(upper) ? null : Bound(upper)]);
        return true;
    }

    private static (double Low, double High)? BoundsOf(Node node)
    {
        if (node.Op is Relu) return (0, double.PositiveInfinity);
        if (node.Op is not Clip || node.Inputs.Skip(1).Any(bound => bound is { Constant: not { Length: 1 } })) return null;
        var low = node.Input(1) is { } lower ? Reals.Of(lower.Constant!)[0] : double.NegativeInfinity;
        var high = node.Input(2) is { } upper ? Reals.Of(upper.Constant!)[0] : double.PositiveInfinity;
        return low <= high ? (low, high) : null;
    }
}
