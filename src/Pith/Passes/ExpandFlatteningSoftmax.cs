using Pith.Ops;

namespace Pith.Passes;

/// <summary>Writes a softmax with the meaning of opset 12, a sum over several axes, as Flatten, softmax along one axis and Reshape: what newer opsets can say and training can differentiate.</summary>
public sealed class ExpandFlatteningSoftmax : Rewrite<SoftmaxOp>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, SoftmaxOp op)
    {
        if (!op.FlattensTrailingAxes) return false;
        var x = node.Inputs[0]!;
        var matrix = graph.AddNode(new Flatten(op.Axis), [x], $"{node.Name}/flatten").Output;
        var result = graph.AddNode(op with { Axis = -1, FlattensTrailingAxes = false }, [matrix], $"{node.Name}/matrix").Output;
        graph.ReplaceAllUses(node.Output, graph.AddNode(new Reshape(), [result, ShapeOperand(graph, node.Name, x)], $"{node.Name}/reshape").Output);
        return true;
    }

    /// <summary>The shape of <paramref name="x"/>: a constant where at most one size is unknown, else read at run time.</summary>
    private static Value ShapeOperand(Graph graph, string name, Value x) => x.Type.Dims.Count(dim => !dim.IsFixed) <= 1
        ? graph.AddConstant($"{name}/shape", Tensor.Vector<long>([.. x.Type.Dims.Select(dim => dim.IsFixed ? dim.Size : -1L)]))
        : graph.AddNode(new ShapeOf(), [x], $"{name}/shape").Output;
}
