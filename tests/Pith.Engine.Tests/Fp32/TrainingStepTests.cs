using Pith.Ops;
using Pith.Training;

namespace Pith.EngineTests;

/// <summary>A whole training step of a small network: forward, loss, gradients.</summary>
public class TrainingStepTests
{
    private static Graph Network()
    {
        var random = new Random(1);
        var graph = new Graph();
        Value Constant(string name, float low, float high, params int[] dims)
        {
            var tensor = Tensor.Zeros<float>(new Shape(dims));
            foreach (ref var value in tensor.Span) value = low + random.NextSingle() * (high - low);
            return graph.AddConstant(name, tensor);
        }
        Value Norm(Value x, string name, int channels) => graph.Add(new BatchNormalization(), x, Constant($"{name}.gamma", 0.5f, 1.5f, channels), Constant($"{name}.beta", -1, 1, channels),
            Constant($"{name}.mean", 0, 0, channels), Constant($"{name}.variance", 1, 1, channels));
        Value Conv(Value x, string name, int channels, int outChannels, int kernel, int stride, int groups = 1) => graph.Add(
            new Conv { Window = WindowAttributes.Uniform(kernel, stride, kernel / 2), Groups = groups }, x, Constant(name, -0.3f, 0.3f, outChannels, channels / groups, kernel, kernel));

        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 10, 10));
        var stem = graph.Add(new Relu(), Norm(Conv(x, "stem", 3, 9, 3, 1), "stem", 9));
        var left = graph.Add(new Relu(), Norm(Conv(stem, "left1", 9, 18, 3, 2), "left1", 18));
        left = Norm(Conv(left, "left2", 18, 18, 3, 1, groups: 18), "left2", 18);
        var right = Norm(Conv(stem, "right", 9, 18, 1, 2), "right", 18);
        var joined = graph.Add(new Relu(), graph.Add(new Add(), left, right));
        var pooled = graph.Add(new MaxPool { Window = WindowAttributes.Uniform(2, 1) }, joined);
        var flat = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), pooled));
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, flat, Constant("fc", -0.5f, 0.5f, 4, 18), Constant("fc.bias", -0.1f, 0.1f, 4)));
        return graph;
    }

    [Fact]
    public void Loss_and_every_gradient_agree_with_the_interpreter_and_nothing_is_allocated()
    {
        var training = TrainingGraph.Build(Network(), new TrainingGraphOptions { LabelSmoothing = 0.1f });
        using var engine = EngineBuilder.Build(training.Graph, new EngineOptions { MaxBatch = 6, Threads = 2, TimeTactics = false });
        Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "reference");
        using var one = engine.CreateContext(1);
        using var three = engine.CreateContext(3);
        var random = new Random(2);
        var inputs = training.Graph.Inputs.Select(input => Input(training, input, random)).ToArray();
        foreach (var context in new[] { one, three })
        {
            foreach (var (value, tensor) in training.Graph.Inputs.Zip(inputs)) context.SetInput(value.Name, tensor);
            context.Run();
        }

        // The runtime may charge a thread for something of its own once in a while.
        var allocated = Enumerable.Range(0, 4).Select(_ =>
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            one.Run();
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }).ToArray();
        Assert.Equal(0, allocated.Min());

        var want = GraphInterpreter.Run(training.Graph.Clone(("N", 6)), inputs);
        foreach (var (output, expected) in training.Graph.Outputs.Zip(want))
        {
            var (got, values) = (one.Output<float>(output.Name).ToArray(), expected.As<float>().Data);
            Assert.Equal(got, three.Output<float>(output.Name).ToArray());
            var scale = Math.Max(1e-2, values.Max(Math.Abs));
            for (var i = 0; i < values.Length; i++)
                Assert.True(Math.Abs(values[i] - got[i]) <= 1e-5 * scale, $"'{output.Name}' element {i}: expected {values[i]:R}, got {got[i]:R}");
        }
    }

    private static Tensor Input(TrainingGraph training, Value input, Random random)
    {
        if (training.Parameters.FirstOrDefault(parameter => parameter.Name == input.Name) is { } parameter) return parameter.Initial;
        if (input.Type.DataType == DataType.Int32) return Tensor.Create(new Shape(6), Enumerable.Range(0, 6).Select(_ => random.Next(4)).ToArray());
        var tensor = Tensor.Zeros<float>(new Shape(6, 3, 10, 10));
        foreach (ref var value in tensor.Span) value = random.NextSingle() * 2 - 1;
        return tensor;
    }
}
