using Pith.Ops;

namespace Pith.Building;

/// <summary>Constants of lower rank beside an image get its rank ([C, 1, 1] becomes [1, C, 1, 1]), so that they have its layouts.</summary>
internal sealed class AlignConstants : LoweringRewrite
{
    protected override Replacement? Rewrite(Graph graph, Node node)
    {
        var rank = node.Output.Type.Rank;
        if (rank < 3 || node.Op is not (BinaryOp or PRelu) || !node.Inputs.Any(input => IsLow(input, rank)) || node.Inputs.All(input => input!.Constant is not null)) return null;
        Value? Aligned(Value? input) =>
            IsLow(input, rank) ? graph.AddConstant(input!.Name, input.Constant!.Reshape(new Shape([.. Enumerable.Repeat(1, rank - input.Type.Rank), .. input.Constant.Shape.Dims]))) : input;
        var aligned = graph.AddNode(node.Op, [.. node.Inputs.Select(Aligned)], node.Name);
        return new(aligned.Output, aligned);
    }

    private static bool IsLow(Value? input, int rank) => input is { Constant.Length: > 1 } && input.Type.Rank < rank;
}
