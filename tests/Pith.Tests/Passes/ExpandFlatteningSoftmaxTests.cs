using Pith.Ops;
using Pith.Passes;
using Pith.Tests.Gradients;

namespace Pith.Tests.Passes;

public class ExpandFlatteningSoftmaxTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_softmax_of_opset_12_becomes_one_of_opset_13_with_the_same_result(int axis)
    {
        Graph Build()
        {
            var graph = new Graph();
            graph.AddOutput(graph.Add(new LogSoftmax { Axis = axis, FlattensTrailingAxes = true }, graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 2, 2))));
            return graph;
        }
        var expanded = Build();
        Assert.Equal(1, PassRunner.RunOnce(expanded, new ExpandFlatteningSoftmax()));
        new RemoveDeadNodes().Apply(expanded);
        Assert.DoesNotContain(expanded.Nodes, node => node.Op is SoftmaxOp { FlattensTrailingAxes: true });
        Assert.Equal(Build().Outputs[0].Type, expanded.Outputs[0].Type);
        var x = GradientCheck.Random(1, new Shape(2, 3, 2, 2), -3, 3);
        Assert.Equal(GraphInterpreter.Run(Build(), [x])[0].As<float>().Data, GraphInterpreter.Run(expanded, [x])[0].As<float>().Data);
    }
}
