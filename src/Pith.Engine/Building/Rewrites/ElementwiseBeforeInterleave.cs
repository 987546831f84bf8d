using Pith.Ops;

namespace Pith.Building;

/// <summary>What works element by element moves before <see cref="InterleavePhases"/>, to the convolutions that it can be fused with: activations, quantization, arithmetic with constants.</summary>
internal sealed class ElementwiseBeforeInterleave : LoweringRewrite
{
    protected override Replacement? Rewrite(Graph graph, Node node)
    {
        if (!(node.Op is UnaryOp or Clip or PRelu or Add or Sub or Mul or Div || QdqPatterns.OfQuantize(node) is not null)) return null;
        if (node.Inputs.Select(Join).FirstOrDefault(join => join is not null) is not { } first || node.Output.Type.Dims != first.Output.Type.Dims) return null;
        var join = (InterleavePhases)first.Op;
        var operands = new Value?[first.Inputs.Count][];
        for (var phase = 0; phase < operands.Length; phase++)
        {
            operands[phase] = new Value?[node.Inputs.Count];
            for (var i = 0; i < node.Inputs.Count; i++)
            {
                if (node.Input(i) is not { } operand) continue;
                if (OfPhase(graph, operand, first, phase) is not { } own) return null;
                operands[phase][i] = own;
            }
        }
        var results = Array.ConvertAll(operands, inputs => graph.AddNode(node.Op, inputs, $"{node.Name}/phase"));
        return new(graph.Add(join, [.. results.Select(result => result.Output)]), results[0]);
    }

    private static Node? Join(Value? value) => value?.Producer is { Op: InterleavePhases } node ? node : null;

    // The operand as the phase has it: of images that are joined alike, their phase; of constants that are one number or one per channel, these.
    private static Value? OfPhase(Graph graph, Value operand, Node like, int phase)
    {
        if (Join(operand) is { } node) return node.Op == like.Op && node.Inputs.Count == like.Inputs.Count ? node.Input(phase) : null;
        if (operand.Constant is not { } constant) return null;
        if (constant.Length == 1) return operand;
        var channels = like.Output.Type[1].Size;
        var axis = constant.Shape.Rank - 3;
        if (axis < 0 || constant.Shape[axis] != channels || constant.Length != channels) return null;
        var repeats = like.Input(0)!.Type[1].Size / channels;
        return repeats == 1 ? operand : graph.AddConstant(operand.Name, new Concat(axis).Evaluate([.. Enumerable.Repeat(constant, repeats)], 1)[0]);
    }
}
