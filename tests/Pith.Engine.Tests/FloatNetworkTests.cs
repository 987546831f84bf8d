using Pith.Ops;

namespace Pith.EngineTests;

/// <summary>Small float networks against the interpreter: fusion, layouts and kernels together.</summary>
public class FloatNetworkTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Fused_float_layers_agree_with_the_interpreter(int seed)
    {
        var random = new Random(seed);
        var graph = new Graph();
        Tensor<float> Random(params int[] dims)
        {
            var tensor = Tensor.Zeros<float>(new Shape(dims));
            foreach (ref var value in tensor.Span) value = random.NextSingle() * 2 - 1;
            return tensor;
        }
        Value Conv(Value x, int channels, int outChannels, int kernel, int stride = 1, int groups = 1) => graph.Add(
            new Conv { Window = WindowAttributes.Uniform(kernel, stride, kernel / 2), Groups = groups }, x,
            graph.AddConstant("w", Random(outChannels, channels / groups, kernel, kernel)), graph.AddConstant("b", Random(outChannels)));

        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 9, 9));
        var stem = graph.Add(new Relu(), Conv(x, 3, 12, 3, 2));
        var branch = graph.Add(new HardSwish(), Conv(stem, 12, 12, 3, groups: 12));
        var sum = graph.Add(new Relu(), graph.Add(new Add(), Conv(branch, 12, 12, 1), stem));
        var joined = graph.Add(new Concat(1), sum, graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) }, sum));
        var scaled = graph.Add(new Mul(), joined, graph.Add(new Sigmoid(), graph.Add(new GlobalAveragePool(), joined)));
        var flat = graph.Add(new Flatten(), graph.Add(new AveragePool { Window = WindowAttributes.Uniform(2, 2) }, Conv(scaled, 24, 10, 3)));
        graph.AddOutput(graph.Add(new Softmax { Axis = 1 }, graph.Add(new Gemm { TransB = true }, flat, graph.AddConstant("fc", Random(7, 40)), graph.AddConstant("fc.b", Random(7)))));

        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 3, Threads = 2 });
        using var context = engine.CreateContext();
        foreach (var batch in new[] { 3, 1 })
        {
            var input = Random(batch, 3, 9, 9);
            context.SetInput("x", input);
            context.Run(batch);
            var want = GraphInterpreter.Run(graph, [input])[0].As<float>().Data;
            var got = context.Output<float>(engine.Outputs[0].Name).ToArray();
            Assert.Equal(want.Length, got.Length);
            for (var i = 0; i < want.Length; i++) Expect.That(Math.Abs(want[i] - got[i]) < 2e-4, $"seed {seed}, batch {batch}, element {i}: expected {want[i]}, got {got[i]}");
        }
    }

    [Fact]
    public void Weights_that_are_inputs_are_packed_at_each_run()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(2, 4, 5, 5));
        var w = graph.AddInput("w", TensorType.Float32(6, 4, 3, 3));
        var fc = graph.AddInput("fc", TensorType.Float32(3, 6));
        var conv = graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) }, x, w);
        var flat = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), conv));
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, flat, fc));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { Threads = 2 });
        using var context = engine.CreateContext();
        var random = new Random(1);
        for (var step = 0; step < 2; step++)
        {
            var inputs = graph.Inputs.Select(input =>
            {
                var tensor = Tensor.Zeros<float>(input.Type.ToShape());
                foreach (ref var value in tensor.Span) value = random.NextSingle();
                tensor.Span.CopyTo(context.Input<float>(input.Name));
                return (Tensor)tensor;
            }).ToArray();
            context.Run();
            var want = GraphInterpreter.Run(graph, inputs)[0].As<float>().Data;
            var got = context.Output<float>(engine.Outputs[0].Name);
            for (var i = 0; i < want.Length; i++) Assert.Equal(want[i], got[i], 3);
        }
    }
}
