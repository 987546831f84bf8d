namespace Pith.EngineTests.Conformance;

/// <summary>What runners make of sizes: the batch is that of the data, other symbols get theirs from it, and misfits are named.</summary>
public class NetworkRunnerTests
{
    [Fact]
    public void Engine_runs_at_the_batch_of_the_data()
    {
        var graph = Relu(TensorType.Float32(Dim.Named("N"), 3));
        using var runner = NetworkRunner.Engine(new EngineOptions { MaxBatch = 4 });
        foreach (var batch in (int[])[2, 4, 1, 6, 3])
        {
            var input = Ramp(batch, 3);
            Assert.Equal(GraphInterpreter.Run(graph, [input])[0].Bytes.ToArray(), runner.Run(new FedGraph(graph, [input], []))[0].Bytes.ToArray());
        }
    }

    [Fact]
    public void Symbols_other_than_the_batch_get_their_size_from_the_data()
    {
        var graph = Relu(TensorType.Float32(Dim.Named("N"), Dim.Named("length")));
        using var runner = NetworkRunner.Engine();
        foreach (var length in (int[])[5, 7, 5])
        {
            var input = Ramp(2, length);
            Assert.Equal(input.Shape, runner.Run(new FedGraph(graph, [input], []))[0].Shape);
        }
    }

    [Fact]
    public void Data_without_a_row_gives_outputs_without_a_row()
    {
        var graph = Relu(TensorType.Float32(Dim.Named("N"), 3));
        using var runner = NetworkRunner.Engine();
        Assert.Equal(new Shape(0, 3), runner.Run(new FedGraph(graph, [Ramp(0, 3)], []))[0].Shape);
    }

    [Fact]
    public void Misfits_are_named_with_both_types()
    {
        var graph = Relu(TensorType.Float32(Dim.Named("N"), 3));
        foreach (var runner in (NetworkRunner[])[NetworkRunner.Interpreter(), NetworkRunner.Reference(), NetworkRunner.Engine()])
        {
            using (runner)
            {
                var size = Assert.Throws<PithException>(() => runner.Run(new FedGraph(graph, [Ramp(2, 4)], [])));
                Assert.Equal("Input 'x': expected f32[N,3], got f32[2,4]. Dimension 1 must be 3.", size.Message);
                var type = Assert.Throws<PithException>(() => runner.Run(new FedGraph(graph, [Tensor.Zeros<double>(new Shape(2, 3))], [])));
                Assert.Contains("expected f32[N,3], got f64[2,3]", type.Message, StringComparison.Ordinal);
                Assert.Contains("takes: x f32[N,3]", Assert.Throws<PithException>(() => runner.Run(new FedGraph(graph, [], []))).Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void One_symbol_has_one_size()
    {
        var graph = new Graph("g");
        var (a, b) = (graph.AddInput("a", TensorType.Float32(Dim.Named("N"), 3)), graph.AddInput("b", TensorType.Float32(Dim.Named("N"), 3)));
        graph.AddOutput(graph.AddNode(new Ops.Add(), [a, b]).Outputs[0]);
        using var runner = NetworkRunner.Engine();
        Assert.Contains("'N' is 2 in input 'a'", Assert.Throws<PithException>(() => runner.Run(new FedGraph(graph, [Ramp(2, 3), Ramp(1, 3)], []))).Message, StringComparison.Ordinal);
    }

    private static Graph Relu(TensorType type)
    {
        var graph = new Graph("g");
        graph.AddOutput(graph.AddNode(new Ops.Relu(), [graph.AddInput("x", type)]).Outputs[0]);
        return graph;
    }

    private static Tensor<float> Ramp(params int[] dims)
    {
        var tensor = Tensor.Zeros<float>(new Shape(dims));
        for (var i = 0; i < tensor.Length; i++) tensor.Data[i] = i - 3;
        return tensor;
    }
}
