using Pith.Kernels;
using Pith.Ops;
using Pith.Training;

namespace Pith.EngineTests;

/// <summary>A whole training step of a small network: forward, loss, gradients.</summary>
public class TrainingStepTests
{
    // With fake quantization, every convolution reads multiples of 1/16.
    private static Graph Network(int size = 10, int blocks = 0, bool isQuantized = false, int channels = 9)
    {
        var random = new Random(1);
        var graph = new Graph();
        Value Constant(string name, float low, float high, params int[] dims)
        {
            var tensor = Tensor.Zeros<float>(new Shape(dims));
            foreach (ref var value in tensor.Span) value = low + random.NextSingle() * (high - low);
            return graph.AddConstant(name, tensor);
        }
        Value Norm(Value x, string name, int count) => graph.Add(new BatchNormalization(), x, Constant($"{name}.gamma", 0.5f, 1.5f, count), Constant($"{name}.beta", -1, 1, count),
            Constant($"{name}.mean", 0, 0, count), Constant($"{name}.variance", 1, 1, count));
        var (step, zero) = (graph.AddConstant("step", Tensor.Scalar(1 / 16f)), graph.AddConstant("zero", Tensor.Scalar((sbyte)0)));
        Value Rounded(Value x) => isQuantized ? graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), x, step, zero), step, zero) : x;
        Value Conv(Value x, string name, int inChannels, int outChannels, int kernel, int stride, int groups = 1) => graph.Add(
            new Conv { Window = WindowAttributes.Uniform(kernel, stride, kernel / 2), Groups = groups }, Rounded(x), Constant(name, -0.3f, 0.3f, outChannels, inChannels / groups, kernel, kernel));

        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, size, size));
        var stem = graph.Add(new Relu(), Norm(Conv(x, "stem", 3, channels, 3, 1), "stem", channels));
        for (var i = 0; i < blocks; i++) stem = graph.Add(new Relu(), graph.Add(new Add(), Norm(Conv(stem, $"block{i}", channels, channels, 3, 1), $"block{i}", channels), stem));
        var left = graph.Add(new Relu(), Norm(Conv(stem, "left1", channels, 18, 3, 2), "left1", 18));
        left = Norm(Conv(left, "left2", 18, 18, 3, 1, groups: 18), "left2", 18);
        var right = Norm(Conv(stem, "right", channels, 18, 1, 2), "right", 18);
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
                Expect.That(Math.Abs(values[i] - got[i]) <= 1e-5 * scale, $"'{output.Name}' element {i}: expected {values[i]:R}, got {got[i]:R}");
        }
    }

    // Operands are off by 2^-9 at most, results of Winograd's transforms by about 1% (root mean square); batch norm and Relu amplify that, most in the small gradients of single tensors. Measured over all gradients: 9.8% with Winograd,
    // 4.8% with plain products, 0.6% where fake quantization keeps the forward pass in floats.
    [Theory]
    [InlineData(false, false, 0.12)]
    [InlineData(false, true, 0.06)]
    [InlineData(true, false, 0.01)]
    public void With_operands_rounded_to_bfloat16_gradients_stay_close_to_those_in_floats(bool isQuantized, bool hasTiles, double overallNoise)
    {
        const double LargestNoise = 0.3, LossTolerance = 0.01;
        if (!TestDevice.Has(CpuFeatures.Avx512Bf16)) Assert.Skip("This CPU has no AVX512-BF16.");
        var training = TrainingGraph.Build(Network(12, blocks: 2, isQuantized, channels: 32), new TrainingGraphOptions { LabelSmoothing = 0.1f });
        var random = new Random(4);
        var inputs = training.Graph.Inputs.Select(input => Input(training, input, random, 12)).ToArray();
        var want = GraphInterpreter.Run(training.Graph.Clone(("N", 6)), inputs);
        using var engine = EngineBuilder.Build(training.Graph, new EngineOptions { MaxBatch = 6, Threads = 2, TimeTactics = false, Bf16 = true, Literal = isQuantized }, TestDevice.At(hasTiles ? IsaLevel.Amx : IsaLevel.Avx512Vnni));
        Assert.Equal(!isQuantized, engine.Layers.Any(layer => layer.Precision == "bfloat16" && layer.Spec.Kind == LayerKind.Conv && !layer.Spec.Detail.Contains("turned", StringComparison.Ordinal)));
        Assert.Contains(engine.Layers, layer => layer.Precision == "bfloat16" && layer.Spec.Detail.Contains("turned", StringComparison.Ordinal));
        Assert.Contains(engine.Layers, layer => layer.Tactic == (hasTiles ? "bf16-amxbf16-weight-gradient" : "bf16-winograd4-weight-gradient"));
        using var one = engine.CreateContext(1);
        using var three = engine.CreateContext(3);
        foreach (var context in new[] { one, three })
        {
            foreach (var (value, tensor) in training.Graph.Inputs.Zip(inputs)) context.SetInput(value.Name, tensor);
            context.Run();
        }
        Assert.Equal(want[0].As<float>().Data[0], one.Output<float>(training.Loss.Name)[0], LossTolerance);
        var gradients = training.Parameters.Select(parameter => parameter.Gradient.Name).ToHashSet();
        var (allErrors, allSquares) = (0.0, 0.0);
        foreach (var (output, expected) in training.Graph.Outputs.Zip(want).Where(pair => gradients.Contains(pair.First.Name)))
        {
            var (got, values) = (one.Output<float>(output.Name).ToArray(), expected.As<float>().Data);
            Assert.Equal(got, three.Output<float>(output.Name).ToArray());
            var (errors, squares) = (values.Zip(got, (a, b) => ((double)a - b) * (a - b)).Sum(), values.Sum(a => (double)a * a));
            (allErrors, allSquares) = (allErrors + errors, allSquares + squares);
            Assert.True(errors <= LargestNoise * LargestNoise * squares, $"'{output.Name}': noise {Math.Sqrt(errors / squares):P1}");
        }
        Assert.True(allErrors <= overallNoise * overallNoise * allSquares, $"all gradients: noise {Math.Sqrt(allErrors / allSquares):P1}");
    }

    // The loss, in floats, along the gradients with rounded operands falls as fast as these say.
    [Fact]
    public void Gradients_with_rounded_operands_agree_with_central_differences_of_the_loss()
    {
        const double Step = 1e-3, Tolerance = 0.03;
        if (!TestDevice.Has(CpuFeatures.Avx512Bf16)) Assert.Skip("This CPU has no AVX512-BF16.");
        var training = TrainingGraph.Build(Network(8, channels: 32), new TrainingGraphOptions());
        var random = new Random(5);
        var inputs = training.Graph.Inputs.Select(input => Input(training, input, random, 8)).ToArray();
        using var engine = EngineBuilder.Build(training.Graph, new EngineOptions { MaxBatch = 6, TimeTactics = false, Bf16 = true }, TestDevice.At(IsaLevel.Avx512Vnni));
        using var context = engine.CreateContext();
        foreach (var (value, tensor) in training.Graph.Inputs.Zip(inputs)) context.SetInput(value.Name, tensor);
        context.Run();
        var fixedBatch = training.Graph.Clone(("N", 6));
        foreach (var name in (string[])["stem", "left1", "right", "fc"])
        {
            var parameter = training.Parameters.First(parameter => parameter.Name == name);
            var (at, gradient) = (training.Graph.Inputs.ToList().FindIndex(input => input.Name == parameter.Input.Name), context.Output<float>(parameter.Gradient.Name).ToArray());
            var norm = Math.Sqrt(gradient.Sum(value => (double)value * value));
            double Loss(double step)
            {
                var moved = ((Tensor[])inputs.Clone());
                moved[at] = Tensor.Create(inputs[at].Shape, inputs[at].As<float>().Data.Zip(gradient, (value, slope) => (float)(value + step * slope / norm)).ToArray());
                return GraphInterpreter.Run(fixedBatch, moved)[0].As<float>().Data[0];
            }
            Assert.Equal(1, (Loss(Step) - Loss(-Step)) / (2 * Step) / norm, Tolerance);
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Activations_that_are_computed_again_need_less_memory_and_give_the_same_bits(bool isQuantized)
    {
        const int size = 20;
        var training = TrainingGraph.Build(Network(size, blocks: 8, isQuantized), new TrainingGraphOptions());
        var random = new Random(3);
        var inputs = training.Graph.Inputs.Select(input => Input(training, input, random, size)).ToArray();
        (float[][] Outputs, long Bytes) Run(RecomputeMode? mode, int threads)
        {
            using var engine = EngineBuilder.Build(training.Graph, new EngineOptions { MaxBatch = 6, Threads = threads, TimeTactics = false, Literal = isQuantized, Recompute = mode });
            using var context = engine.CreateContext();
            foreach (var (value, tensor) in training.Graph.Inputs.Zip(inputs)) context.SetInput(value.Name, tensor);
            context.Run();
            return ([.. training.Graph.Outputs.Select(output => context.Output<float>(output.Name).ToArray())], engine.ActivationBytes);
        }

        var (kept, bytes) = Run(null, 1);
        foreach (var (mode, part) in new[] { (RecomputeMode.None, isQuantized ? 0.8 : 1), (RecomputeMode.Selective, 0.8), (RecomputeMode.Full, 0.6) })
        {
            var (again, fewer) = Run(mode, 2);
            Assert.True(fewer <= part * bytes, $"{mode}: {fewer} bytes, {bytes} when everything is kept");
            foreach (var (output, want, got) in training.Graph.Outputs.Select(output => output.Name).Zip(kept, again)) Assert.True(want.AsSpan().SequenceEqual(got), $"{mode}: '{output}' differs");
        }
    }

    private static Tensor Input(TrainingGraph training, Value input, Random random, int size = 10)
    {
        if (training.Parameters.FirstOrDefault(parameter => parameter.Name == input.Name) is { } parameter) return parameter.Initial;
        if (input.Type.DataType == DataType.Int32) return Tensor.Create(new Shape(6), Enumerable.Range(0, 6).Select(_ => random.Next(4)).ToArray());
        var tensor = Tensor.Zeros<float>(new Shape(6, 3, size, size));
        foreach (ref var value in tensor.Span) value = random.NextSingle() * 2 - 1;
        return tensor;
    }
}
