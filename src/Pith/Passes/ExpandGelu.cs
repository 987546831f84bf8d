using Pith.Ops;

namespace Pith.Passes;

/// <summary>Writes Gelu, an op since opset 20, with ops that older opsets and runtimes have: x · (1 + erf(x/√2)) / 2, or the approximation by tanh.</summary>
public sealed class ExpandGelu : Rewrite<Gelu>
{
    /// <inheritdoc/>
    protected override bool Apply(Graph graph, Node node, Gelu op)
    {
        var x = node.Inputs[0]!;
        Value Number(string name, double number) => graph.AddConstant($"{node.Name}/{name}", Tensor.Scalar((float)number).ConvertTo(x.Type.DataType));
        Value Step(string name, Op step, params ReadOnlySpan<Value?> operands) => graph.AddNode(step, operands, $"{node.Name}/{name}").Output;

        var half = Step("half", new Mul(), x, Number("0.5", 0.5));
        Value inner;
        if (op.TanhApproximation)
        {
            var cube = Step("cube", new Mul(), Step("square", new Mul(), x, x), x);
            var sum = Step("sum", new Add(), x, Step("scaled", new Mul(), cube, Number("cubic", 0.044715)));
            inner = Step("tanh", new Tanh(), Step("inner", new Mul(), sum, Number("factor", Math.Sqrt(2 / Math.PI))));
        }
        else
        {
            inner = Step("erf", new Erf(), Step("inner", new Div(), x, Number("root", Math.Sqrt(2))));
        }
        graph.Substitute(node, new Mul(), [half, Step("one", new Add(), inner, Number("1", 1))]);
        return true;
    }
}
