using Pith.EngineTests.Int8;
using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Fp32;

/// <summary>Emitted float kernels over shapes around their tile edges, windows and epilogues, against the ops' own definitions: between guard pages, twice, with 1, 2 and 3 threads, at several batches.</summary>
public class Fp32EmittedTests
{
    private const double Tolerance = 4e-6;

    private static readonly int[] s_channels = [1, 3, 7, 16, 17, 40, 64];
    private static readonly int[] s_outChannels = [1, 8, 15, 16, 17, 31, 33, 48, 100];
    private static readonly int[] s_sizes = [1, 2, 5, 7, 13, 14, 15, 29];

    [Fact]
    public void Convolutions_agree_with_the_reference() => Check("fp32-avx512", 160, Convolution);

    [Fact]
    public void Grouped_convolutions_agree_with_the_reference() => Check("fp32-avx512", 60, Grouped);

    [Fact]
    public void Depthwise_convolutions_agree_with_the_reference() => Check("fp32-depthwise-avx512", 100, Depthwise);

    [Fact]
    public void Matrix_products_agree_with_the_reference() => Check("fp32-avx512", 80, MatrixProduct);

    // Two images are 9 MB and stored past the caches, one is not.
    [Fact]
    public void Large_results_agree_with_the_reference() => Check("fp32-avx512", 4, (random, graph, epilogue) =>
    {
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 136, 135));
        Finish(graph, epilogue, () => Conv(random, graph, x, 3, 64, WindowAttributes.Uniform(1), 1, epilogue.HasBias));
        return [3, 136, 135];
    });

    // The layers of the INT8 kernels: each output is one chain of fused multiply-adds over the window, starting at the bias, whatever tiles and panels.
    [Theory]
    [MemberData(nameof(EmittedConvTests.Layers), MemberType = typeof(EmittedConvTests))]
    public void Every_output_is_one_chain_from_the_bias(int channels, int outputs, int size, int kernel, int stride, int groups, int images)
    {
        if (!TestDevice.Has(IsaLevel.Avx512Vnni)) Assert.Skip("This CPU has no AVX-512.");
        var random = new Random(channels + size);
        var (w, b) = (Random(random, outputs, channels / groups, kernel, kernel), Random(random, outputs));
        var window = WindowAttributes.Uniform(kernel, stride, kernel / 2);
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, size, size));
        graph.AddOutput(graph.Add(new Conv { Window = window with { KernelShape = [] }, Groups = groups }, x, graph.AddConstant("w", w), graph.AddConstant("b", b)));
        var tactic = groups == channels ? "fp32-depthwise-avx512" : "fp32-avx512";
        var (engine, layer) = ChosenTactic.Build(graph, new EngineOptions { MaxBatch = images, TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni), tactic);
        using var owned = engine;
        using var run = new GuardedRun(engine);
        var input = Random(random, images, channels, size, size);
        var got = run.Run(input);
        Assert.Equal(Chains(input, w, b, stride, kernel / 2, groups), got);
        for (var threads = 1; threads <= 3; threads++) SameBits(engine, input, got, threads, $"seed {channels + size} {layer.Spec}");
    }

    private static float[] Chains(Tensor<float> x, Tensor<float> w, Tensor<float> b, int stride, int pad, int groups)
    {
        var (images, channels, size, outputs, groupIn, kernel) = (x.Shape[0], x.Shape[1], x.Shape[2], w.Shape[0], w.Shape[1], w.Shape[2]);
        var outSize = (size + 2 * pad - kernel) / stride + 1;
        var y = new float[images * outputs * outSize * outSize];
        Parallel.For(0, images * outputs, plane =>
        {
            var (image, k) = Math.DivRem(plane, outputs);
            var firstChannel = k / (outputs / groups) * groupIn;
            for (var pixel = 0; pixel < outSize * outSize; pixel++)
            {
                var (row, column) = (pixel / outSize * stride - pad, pixel % outSize * stride - pad);
                var sum = b.Data[k];
                for (var tap = 0; tap < kernel * kernel; tap++)
                {
                    var (h, v) = (row + tap / kernel, column + tap % kernel);
                    if (h < 0 || h >= size || v < 0 || v >= size) continue;
                    for (var c = 0; c < groupIn; c++)
                        sum = MathF.FusedMultiplyAdd(x.Data[((image * channels + firstChannel + c) * size + h) * size + v], w.Data[(k * groupIn + c) * kernel * kernel + tap], sum);
                }
                y[plane * outSize * outSize + pixel] = sum;
            }
        });
        return y;
    }

    private static Tensor<float> Random(Random random, params int[] dims)
    {
        var tensor = Tensor.Zeros<float>(new Shape(dims));
        foreach (ref var value in tensor.Span) value = random.NextSingle() * 2 - 1;
        return tensor;
    }

    // Without timing, as calibration and training build their engines: another kernel sums in another order.
    [Theory]
    [MemberData(nameof(EmittedConvTests.Layers), MemberType = typeof(EmittedConvTests))]
    public void The_choice_by_estimate_does_not_depend_on_threads(int channels, int outputs, int size, int kernel, int stride, int groups, int images)
    {
        var random = new Random(channels + size);
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, size, size));
        var window = WindowAttributes.Uniform(kernel, stride, kernel / 2) with { KernelShape = [] };
        graph.AddOutput(graph.Add(new Conv { Window = window, Groups = groups }, x, graph.AddConstant("w", Random(random, outputs, channels / groups, kernel, kernel)), graph.AddConstant("b", Random(random, outputs))));
        var chosen = Enumerable.Range(1, 4).Select(threads =>
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = images, Threads = threads, TimeTactics = false });
            return string.Join(' ', engine.Layers.Select(layer => layer.Tactic));
        }).Distinct();
        Assert.Single(chosen);
    }

    [Fact]
    public void Activations_keep_to_their_limits()
    {
        foreach (var epilogue in Epilogue.Activations.Select(activation => new Epilogue(activation)))
        {
            var graph = new Graph();
            var x = graph.AddInput("x", TensorType.Float32(1, 1));
            graph.AddOutput(epilogue.Activated(graph, graph.Add(new MatMul(), x, graph.AddConstant("w", Tensor.Create(new Shape(1, 1), [1f])))));
            using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
            using var context = engine.CreateContext();
            foreach (var value in (float[])[-1e30f, -200, -89, -88, -3, -1e-30f, 0, 3, 88, 89, 200, 1e30f])
            {
                context.Input<float>("x")[0] = value;
                context.Run();
                var expected = epilogue.Value(value);
                var got = context.Output<float>(engine.Outputs[0].Name)[0];
                Expect.That(Math.Abs(got - expected) <= 1e-6 * Math.Max(1, Math.Abs(expected)), $"{epilogue.Activation}({value}): expected {expected}, got {got}");
            }
        }
    }

    private static void Check(string tactic, int cases, Func<Random, Graph, Epilogue, int[]> make)
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) return;
        for (var seed = 1; seed <= cases; seed++)
        {
            var random = new Random(seed);
            var graph = new Graph();
            var image = make(random, graph, Epilogue.At(seed));
            var options = new EngineOptions { MaxBatch = random.Next(1, 5), TimeTactics = false };
            using var reference = EngineBuilder.Build(graph, options with { ReferenceOnly = true });
            var (engine, layer) = ChosenTactic.Build(graph, options, TestDevice.At(IsaLevel.Avx512Vnni), tactic);
            using var owned = engine;
            var repro = $"seed {seed} {layer.Tactic}: {layer.Spec}";
            var input = Tensor.Zeros<float>(new Shape([options.MaxBatch, .. image]));
            foreach (ref var value in input.Span) value = random.NextSingle() * 2 - 1;
            using var expected = new GuardedRun(reference);
            using var got = new GuardedRun(engine);
            var (want, first) = (expected.Run(input), got.Run(input));
            var scale = Math.Max(1, want.Max(Math.Abs));
            for (var i = 0; i < want.Length; i++) Expect.That(Math.Abs(want[i] - first[i]) <= Tolerance * scale, $"{repro}, element {i}: expected {want[i]:R}, got {first[i]:R}");
            Assert.True(first.AsSpan().SequenceEqual(got.Run(input)), $"second run, {repro}");
            for (var threads = 1; threads <= 3; threads++) SameBits(engine, input, first, threads, repro);
        }
    }

    // The bits of an image do not depend on the threads or on the batch that it is in.
    private static void SameBits(Engine engine, Tensor<float> input, float[] expected, int threads, string repro)
    {
        using var context = engine.CreateContext(threads);
        foreach (var batch in (int[])[engine.MaxBatch, 1])
        {
            var elements = input.Length / engine.MaxBatch * batch;
            input.Span[..elements].CopyTo(context.Input<float>("x"));
            context.Run(batch);
            var output = context.Output<float>(engine.Outputs[0].Name)[..(expected.Length / engine.MaxBatch * batch)];
            Assert.True(output.SequenceEqual(expected.AsSpan()[..output.Length]), $"{threads} threads, batch {batch}, {repro}");
        }
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];

    private static int[] Convolution(Random random, Graph graph, Epilogue epilogue)
    {
        var (channels, height, width) = (Pick(random, s_channels), Pick(random, s_sizes), Pick(random, s_sizes));
        var x = Image(random, graph, channels, height, width);
        var (outChannels, window) = (Pick(random, s_outChannels), Window(random, height, width));
        Finish(graph, epilogue, () => Conv(random, graph, x, channels, outChannels, window, 1, epilogue.HasBias));
        return [channels, height, width];
    }

    private static int[] Grouped(Random random, Graph graph, Epilogue epilogue)
    {
        var (groups, groupIn, groupOut) = (Pick(random, [2, 3, 4, 8, 12]), random.Next(1, 20), random.Next(2, 40));
        var (height, width) = (Pick(random, s_sizes), Pick(random, s_sizes));
        var x = Image(random, graph, groups * groupIn, height, width);
        var window = Window(random, height, width);
        Finish(graph, epilogue, () => Conv(random, graph, x, groups * groupIn, groups * groupOut, window, groups, epilogue.HasBias));
        return [groups * groupIn, height, width];
    }

    private static int[] Depthwise(Random random, Graph graph, Epilogue epilogue)
    {
        var (channels, height, width) = (Pick(random, [2, 15, 16, 17, 33, 48]), Pick(random, s_sizes), Pick(random, s_sizes));
        // Padding lies in the border of an earlier layer's result.
        var x = Conv(random, graph, graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width)), channels, channels, WindowAttributes.Uniform(1), 1, true);
        var (kernel, dilation) = (Pick(random, [2, 3, 5, 7]), random.Next(1, 3));
        var window = new WindowAttributes { KernelShape = [kernel, kernel], Strides = [random.Next(1, 4), random.Next(1, 3)], Dilations = [dilation, dilation], Pads = Pads(random, kernel * dilation, (kernel - 1) * dilation) };
        Finish(graph, epilogue, () => Conv(random, graph, x, channels, channels, window, channels, epilogue.HasBias));
        return [channels, height, width];
    }

    private static int[] MatrixProduct(Random random, Graph graph, Epilogue epilogue)
    {
        var (channels, outChannels, rows) = (random.Next(1, 300), Pick(random, s_outChannels), random.Next(1, 20));
        var isTransposed = random.Next(2) == 0;
        var x = isTransposed ? graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels)) : graph.AddInput("x", TensorType.Float32(Dim.Named("N"), rows, channels));
        Finish(graph, epilogue, () => isTransposed
            ? graph.Add(new Gemm { TransB = true }, x, Weights(random, graph, channels, outChannels, channels), Weights(random, graph, 4, outChannels))
            : graph.Add(new MatMul(), x, Weights(random, graph, channels, channels, outChannels)));
        return isTransposed ? [channels] : [rows, channels];
    }

    // The network's input itself, or a result of another layer, which may have a border.
    private static Value Image(Random random, Graph graph, int channels, int height, int width)
    {
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width));
        return random.Next(3) == 0 ? x : Conv(random, graph, x, channels, channels, WindowAttributes.Uniform(1), 1, true);
    }

    private static WindowAttributes Window(Random random, int height, int width)
    {
        var (kernel, dilation) = (random.Next(1, 4), random.Next(1, 3));
        var pads = Pads(random, random.Next(2) == 0 ? 1 : 3, 0);
        var extent = (kernel - 1) * dilation + 1;
        if (height + pads[0] + pads[2] < extent || width + pads[1] + pads[3] < extent) (kernel, dilation) = (1, 1);
        return new WindowAttributes { KernelShape = [kernel, kernel], Strides = [random.Next(1, 4), random.Next(1, 3)], Dilations = [dilation, dilation], Pads = pads };
    }

    private static ValueList<int> Pads(Random random, int end, int least) => Enumerable.Range(0, 4).Select(_ => random.Next(least, Math.Max(least + 1, end))).ToValueList();

    private static Value Conv(Random random, Graph graph, Value x, int channels, int outChannels, WindowAttributes window, int groups, bool bias)
    {
        var (height, width) = window.KernelShape.Count == 0 ? (1, 1) : (window.KernelShape[0], window.KernelShape[1]);
        var op = new Conv { Window = window with { KernelShape = [] }, Groups = groups };
        var w = Weights(random, graph, channels / groups * height * width, outChannels, channels / groups, height, width);
        return bias ? graph.Add(op, x, w, Weights(random, graph, 4, outChannels)) : graph.Add(op, x, w);
    }

    // Sums of a few units, whatever the reduction's length.
    private static Value Weights(Random random, Graph graph, int reduced, params int[] dims)
    {
        var w = Tensor.Zeros<float>(new Shape(dims));
        foreach (ref var value in w.Span) value = (random.NextSingle() * 2 - 1) * 3 / MathF.Sqrt(reduced);
        return graph.AddConstant("w", w);
    }

    // A residual is another result of the same shape.
    private static void Finish(Graph graph, Epilogue epilogue, Func<Value> contraction)
    {
        var y = contraction();
        if (epilogue.HasResidual) y = graph.Add(new Add(), y, contraction());
        graph.AddOutput(epilogue.Activated(graph, y));
    }
}
