using Pith.Ops;

namespace Pith.EngineTests;

public class EngineApiTests
{
    private static Graph AddThenRelu()
    {
        var graph = new Graph("small");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 2, 2));
        var sum = graph.AddNode(new Add(), [x, graph.AddConstant("bias", Tensor.Create(new Shape(1, 3, 1, 1), [1f, -2f, 3f]))], "sum", ["sum"]).Output;
        graph.AddOutput(graph.AddNode(new Relu(), [sum], "relu", ["y"]).Output);
        return graph;
    }

    private static float[] Ramp(int count) => [.. Enumerable.Range(0, count).Select(i => i * 0.25f - 3)];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void A_run_of_any_batch_up_to_the_largest_equals_the_interpreter(int batch)
    {
        var graph = AddThenRelu();
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 4, Threads = 2 });
        using var context = engine.CreateContext();
        var x = Tensor.Create(new Shape(batch, 3, 2, 2), Ramp(batch * 12));
        context.SetInput("x", x);
        context.Run(batch);
        var expected = GraphInterpreter.Run(graph, [x])[0].As<float>();
        Assert.Equal(expected.Data, context.Output<float>("y").ToArray());
    }

    [Fact]
    public void Inputs_keep_their_content_between_runs()
    {
        using var engine = EngineBuilder.Build(AddThenRelu(), new EngineOptions());
        using var context = engine.CreateContext(1);
        Ramp(12).CopyTo(context.Input<float>("x"));
        context.Run();
        var first = context.Output<float>("y").ToArray();
        context.Run();
        Assert.Equal(first, context.Output<float>("y").ToArray());
        Assert.Equal(Ramp(12), context.Input<float>("x").ToArray());
    }

    [Fact]
    public void An_observer_sees_the_values_it_asked_for()
    {
        using var engine = EngineBuilder.Build(AddThenRelu(), new EngineOptions { Observed = ["x", "sum"] });
        using var context = engine.CreateContext(1);
        var seen = new Recorder();
        context.Observer = seen;
        Ramp(12).CopyTo(context.Input<float>("x"));
        context.Run();
        Assert.Equal(["x", "sum"], seen.Values.Select(value => value.Name));
        Assert.Equal("[1,3,2,2]", seen.Values[1].Tensor.Shape.ToString());
        Assert.Equal(Ramp(12).Select((x, i) => x + (i / 4) switch { 0 => 1, 1 => -2, _ => 3 }), seen.Values[1].Tensor.As<float>().Data);
    }

    [Fact]
    public void What_is_observed_is_not_folded_away()
    {
        var graph = new Graph("norms");
        var value = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(1, 2, 3, 3)), graph.AddConstant("w", Tensor.Create(new Shape(2, 2, 1, 1), [1f, 2, -1, 3])));
        for (var i = 1; i <= 2; i++)
        {
            Value Of(string name, float a, float b) => graph.AddConstant($"{name}{i}", Tensor.Vector(a, b));
            value = graph.AddNode(new BatchNormalization(), [value, Of("gamma", 0.5f * i, 2), Of("beta", 1, -i), Of("mean", 0, 0.25f), Of("variance", 4, 1)], $"norm{i}", [$"norm{i}"]).Output;
        }
        graph.AddOutput(value);
        var x = Tensor.Create(new Shape(1, 2, 3, 3), Ramp(18));
        var want = new Dictionary<string, Tensor>();
        GraphInterpreter.Run(graph, [x], (value, tensor) => want[value.Name] = tensor);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { Observed = ["norm1", "norm2"] });
        using var context = engine.CreateContext(1);
        var seen = new Recorder();
        context.Observer = seen;
        context.SetInput("x", x);
        context.Run();
        Assert.Equal(["norm2"], engine.Outputs.Select(output => output.Name));
        Assert.Equal(["norm1", "norm2"], seen.Values.Select(value => value.Name));
        Assert.All(seen.Values, value => Assert.Null(new Tolerance().Compare(want[value.Name], value.Tensor)));
    }

    [Fact]
    public void A_value_to_observe_that_does_not_exist_is_an_error() =>
        Assert.Contains("'nowhere'", Assert.Throws<PithException>(() => EngineBuilder.Build(AddThenRelu(), new EngineOptions { Observed = ["nowhere"] })).Message, StringComparison.Ordinal);

    [Fact]
    public void Wrong_names_types_and_batches_are_clear_errors()
    {
        using var engine = EngineBuilder.Build(AddThenRelu(), new EngineOptions { MaxBatch = 2 });
        using var context = engine.CreateContext(1);
        Assert.Contains("it has 'x'", Assert.Throws<PithException>(() => context.Input<float>("X")).Message, StringComparison.Ordinal);
        Assert.Contains("f32", Assert.Throws<PithException>(() => context.Input<int>("x")).Message, StringComparison.Ordinal);
        Assert.Contains("batches of 1 to 2", Assert.Throws<PithException>(() => context.Run(3)).Message, StringComparison.Ordinal);
        Assert.Contains("smaller batch", Assert.Throws<PithException>(() => context.SetInput("x", Tensor.Zeros<float>(new Shape(1, 3, 2, 3)))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Contexts_outlive_the_disposal_of_their_engine()
    {
        var engine = EngineBuilder.Build(AddThenRelu(), new EngineOptions());
        var context = engine.CreateContext(2);
        engine.Dispose();
        context.Run();
        context.Dispose();
        Assert.Throws<ObjectDisposedException>(() => context.Run());
        Assert.Throws<ObjectDisposedException>(() => engine.CreateContext());
    }

    private sealed class Recorder : IValueObserver
    {
        public List<(string Name, Tensor Tensor)> Values { get; } = [];

        public void Observe(in ObservedValue value) => Values.Add((value.Name, value.ToTensor()));
    }
}
