using Pith.Ops;
using Pith.Passes;

namespace Pith.Tests;

public class GraphTests
{
    [Fact]
    public void Shapes_are_inferred_on_insertion_and_keep_symbols()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3));
        var y = graph.Add(new Add(), x, graph.AddConstant("bias", Tensor.Vector(1f, 2f, 3f)));
        Assert.Equal("f32[N,3]", y.Type.ToString());
    }

    [Fact]
    public void A_node_whose_operands_do_not_fit_cannot_be_added()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2, 3));
        var failure = Assert.Throws<PithException>(() => graph.Add(new Add(), x, graph.AddConstant("b", Tensor.Vector(1f, 2f))));
        Assert.Contains("Add 'Add'", failure.Message, StringComparison.Ordinal);
        Assert.Contains("f32[2,3]", failure.Message, StringComparison.Ordinal);
        Assert.Empty(graph.Nodes);
    }

    [Fact]
    public void Replacing_a_graph_output_keeps_its_public_name()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2));
        var y = graph.AddNode(new Relu(), [x], "relu", ["y"]).Output;
        graph.AddOutput(y);
        var z = graph.Add(new Add(), x, x);
        graph.ReplaceAllUses(y, z);
        new RemoveDeadNodes().Apply(graph);
        GraphVerifier.Verify(graph);
        Assert.Equal("y", Assert.Single(graph.Outputs).Name);
        Assert.IsType<Add>(Assert.Single(graph.Nodes).Op);
    }

    [Fact]
    public void Nodes_are_ordered_by_dependency_whatever_the_insertion_order()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2));
        var y = graph.Add(new Relu(), x);
        graph.AddOutput(y);
        var inserted = graph.AddNode(new Identity(), [x]);
        graph.ReplaceInput(y.Producer!, 0, inserted.Output);
        Assert.Equal(["Identity", "Relu"], graph.Nodes.Select(node => node.Op.Schema.Name));
    }

    [Fact]
    public void Clone_binds_symbols_and_infers_again()
    {
        var graph = new Graph();
        graph.AddOutput(graph.Add(new Relu(), graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4))));
        var bound = graph.Clone(("N", 8));
        Assert.Equal("f32[8,4]", bound.Outputs[0].Type.ToString());
        Assert.Equal("f32[N,4]", graph.Outputs[0].Type.ToString());
    }

    [Fact]
    public void The_interpreter_broadcasts()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2, 2));
        graph.AddOutput(graph.Add(new Add(), x, graph.AddConstant("row", Tensor.Vector(10f, 20f))));
        var y = GraphInterpreter.Run(graph, [Tensor.Create(new Shape(2, 2), new float[] { 1, 2, 3, 4 })]);
        Assert.Equal([11f, 22f, 13f, 24f], y[0].As<float>().Data);
    }

    [Fact]
    public void Clone_binds_symbols_inside_expressions()
    {
        var n = Dim.Named("N");
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2 * n + 1, Dim.Named("2*N+1"), Dim.FloorDivide(Dim.Named("H") * n, 4)));
        graph.AddOutput(graph.Add(new Concat(0), x, x));
        Assert.Equal("f32[4*N+2,{2*N+1},floor(H*N/4)]", graph.Outputs[0].Type.ToString());
        Assert.Equal("f32[18,{2*N+1},H]", graph.Clone(("N", 4)).Outputs[0].Type.ToString());
        Assert.Equal("f32[18,7,3]", graph.Clone(("N", 4), ("H", 3), ("2*N+1", 7)).Outputs[0].Type.ToString());
    }
}
