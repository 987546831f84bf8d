using Pith.Ops;

namespace Pith.Passes;

/// <summary>
/// A Transpose that moves the outermost axis inwards, and whose result is only taken apart (Gather of one constant index, Split), is done part by part. Exporters turn a projection of all tokens into queries, keys and values as
/// [3, N, …] and take it apart there: the batch is in another axis only because of that Transpose.
/// </summary>
public sealed class SelectBeforeTranspose : Rewrite<Transpose>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, Transpose op)
    {
        int[] permutation = [.. op.PermutationOf(node.Output.Type.Rank)];
        if (permutation.Length == 0 || permutation[0] == 0 || node.Output.IsGraphOutput || !node.Output.Uses.All(IsSelection)) return false;
        foreach (var use in node.Output.Uses.ToArray())
            if (use.Node.Op is Gather gather) Select(graph, use.Node, gather, node.Inputs[0]!, permutation);
            else Divide(graph, use.Node, (Split)use.Node.Op, node.Inputs[0]!, permutation);
        return true;
    }

    private static bool IsSelection(Use use) => use.Index == 0 && (use.Node.Op is Split || use.Node.Op is Gather && use.Node.Inputs[1] is { Constant: not null, Type.Rank: 0 });

    private static void Select(Graph graph, Node node, Gather op, Value whole, int[] permutation)
    {
        var axis = permutation[Axis(op.Axis, permutation)];
        var part = graph.Add(new Gather(axis), whole, node.Inputs[1]!);
        graph.Substitute(node, new Transpose(permutation.Where(from => from != axis).Select(from => from > axis ? from - 1 : from).ToValueList()), [part]);
    }

    private static void Divide(Graph graph, Node node, Split op, Value whole, int[] permutation)
    {
        var parts = graph.AddNode(op with { Axis = permutation[Axis(op.Axis, permutation)] }, [whole], node.Name, [.. node.Outputs.Select(_ => "part")]).Outputs;
        for (var i = 0; i < parts.Count; i++) graph.ReplaceAllUses(node.Outputs[i], graph.Add(new Transpose([.. permutation]), parts[i]));
        graph.Remove(node);
    }

    private static int Axis(int axis, int[] permutation) => axis < 0 ? axis + permutation.Length : axis;
}
