using Pith.Building;
using Pith.EngineTests.Fp32;
using Pith.EngineTests.Int8;
using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Kernels.Reference;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Bf16;

/// <summary>
/// Every blocking of the BF16 kernels on layers around the edges of tiles, panels and chunks, with all epilogues, against plain loops: between guard pages, twice, with 1, 2 and 3 threads, at several
/// batches. Blockings of one instruction set give the same bits.
/// </summary>
public class Bf16ConvTests
{
    // Beside the sum: activations in floats, and their slope, at most 1.5 for HardSwish.
    private const double ActivationError = 4e-6, Slope = 1.5;

    // Pixels.
    private const int SmallImage = 36;

    // Channels, outputs, height, width, kernel, stride, dilation, padding, images, border: around the edges of tiles (6 to 28 pixels, 16 rows), panels (16 to 64 channels), pairs and chunks of 32 channels.
    public static TheoryData<int, int, int, int, int, int, int, int, int, bool> Convolutions() => new()
    {
        { 64, 64, 14, 14, 1, 1, 1, 0, 1, false },
        { 32, 16, 5, 6, 1, 1, 1, 0, 3, true },
        { 35, 40, 7, 7, 3, 1, 1, 1, 2, true },
        { 64, 33, 7, 7, 3, 1, 1, 1, 3, false },
        { 1, 17, 6, 9, 3, 1, 1, 1, 2, false },
        { 7, 100, 8, 8, 3, 1, 1, 1, 1, true },
        { 12, 48, 17, 16, 3, 2, 1, 1, 2, true },
        { 3, 40, 19, 21, 7, 2, 1, 3, 2, false },
        { 100, 130, 7, 7, 1, 1, 1, 0, 2, false },
        { 33, 16, 33, 31, 1, 2, 1, 0, 1, false },
        { 20, 24, 9, 8, 1, 3, 1, 1, 2, false },
        { 18, 31, 13, 12, 3, 1, 2, 2, 2, true },
        { 5, 15, 11, 3, 2, 1, 1, 1, 2, false },
        { 130, 70, 1, 1, 1, 1, 1, 0, 19, false },
        { 48, 24, 1, 1, 1, 1, 1, 0, 1, false },
        // Two images are 9 MB and stored past the caches, one is not.
        { 3, 64, 136, 135, 1, 1, 1, 0, 2, false },
    };

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void Convolutions_agree_with_the_loops(int channels, int outputs, int height, int width, int kernel, int stride, int dilation, int padding, int images, bool hasBorder)
    {
        var seed = channels * 100 + outputs;
        // Small images with each epilogue, others with some.
        foreach (var epilogue in Enumerable.Range(seed, height * width <= SmallImage ? Epilogue.All.Count : 3).Select(Epilogue.At))
        {
            var random = new Random(seed);
            var graph = new Graph();
            var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width));
            // A pool gives its result the border that the convolution wants, and changes no number.
            var pool = new MaxPool { Window = WindowAttributes.Uniform(3, 1, 1) };
            var read = hasBorder ? graph.Add(pool, x) : x;
            var window = new WindowAttributes { Strides = [stride, stride], Dilations = [dilation, dilation], Pads = [padding, padding, padding, padding] };
            var w = graph.AddConstant("w", Random(random, 3 / MathF.Sqrt(channels * kernel * kernel), outputs, channels, kernel, kernel));
            var y = epilogue.HasBias ? graph.Add(new Conv { Window = window }, read, w, graph.AddConstant("b", Random(random, 1, outputs))) : graph.Add(new Conv { Window = window }, read, w);
            Finish(graph, y, epilogue);
            var input = Random(random, 1, images, channels, height, width);
            Check(graph, images, input, hasBorder ? pool.Evaluate([input], 1)[0].As<float>() : input, random, $"{epilogue} seed {seed}");
        }
    }

    // Reduced, outputs, rows of an image, images.
    public static TheoryData<int, int, int, int> Products() => new() { { 1, 1, 1, 1 }, { 31, 17, 1, 5 }, { 64, 100, 1, 1 }, { 200, 33, 1, 18 }, { 77, 48, 7, 3 }, { 33, 16, 20, 1 } };

    [Theory]
    [MemberData(nameof(Products))]
    public void Matrix_products_agree_with_the_loops(int reduced, int outputs, int rows, int images)
    {
        var seed = reduced * 100 + outputs;
        foreach (var epilogue in Enumerable.Range(seed, 3).Select(Epilogue.At))
        {
            var random = new Random(seed);
            var graph = new Graph();
            // Rows of a matrix of rank 3, which are a product with columns, or of rank 2, with rows.
            var x = graph.AddInput("x", rows > 1 ? TensorType.Float32(Dim.Named("N"), rows, reduced) : TensorType.Float32(Dim.Named("N"), reduced));
            var amplitude = 3 / MathF.Sqrt(reduced);
            var y = rows > 1
                ? graph.Add(new MatMul(), x, graph.AddConstant("w", Random(random, amplitude, reduced, outputs)))
                : graph.Add(new Gemm { TransB = true }, x, graph.AddConstant("w", Random(random, amplitude, outputs, reduced)), graph.AddConstant("b", Random(random, 1, outputs)));
            if (rows > 1 && epilogue.HasBias) y = graph.Add(new Add(), y, graph.AddConstant("b", Random(random, 1, outputs)));
            Finish(graph, y, epilogue);
            var input = rows > 1 ? Random(random, 1, images, rows, reduced) : Random(random, 1, images, reduced);
            Check(graph, images, input, input.Reshape(new Shape(images * rows, reduced, 1, 1)), random, $"{epilogue} seed {seed}");
        }
    }

    [Fact]
    public void Numbers_that_are_not_finite_reach_the_results_that_read_them_and_no_other_image()
    {
        foreach (var (device, family) in Families())
            foreach (var kernel in (int[])[1, 3])
            {
                var graph = new Graph();
                var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 5, 6, 6));
                var w = Tensor.Zeros<float>(new Shape(20, 5, kernel, kernel));
                w.Span.Fill(0.25f);
                graph.AddOutput(graph.Add(new Conv { Window = WindowAttributes.Uniform(kernel, 1, kernel / 2) }, x, graph.AddConstant("w", w)));
                using var engine = Build(graph, 3, device, family)[0];
                using var run = new GuardedRun(engine);
                var input = Random(new Random(1), 1, 3, 5, 6, 6);
                foreach (var odd in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
                {
                    // The first pixel of the second image.
                    input.Data[5 * 36] = odd;
                    var result = run.Run(input);
                    var image = result.Length / 3;
                    Assert.All(result[..image].Concat(result[(2 * image)..]), value => Assert.True(float.IsFinite(value)));
                    Assert.Equal(float.IsNaN(odd) ? "NaN" : odd > 0 ? "+" : "-", float.IsNaN(result[image]) ? "NaN" : result[image] > 0 ? "+" : "-");
                    Assert.False(float.IsFinite(result[image]));
                }
            }
    }

    // The families of the catalog, with how their tactics' names start.
    private static (Device Device, string Family)[] Families()
    {
        (Device Device, string Family)[] families = [.. EmittedTactics.Families.Where(entry => entry.Tactics[0] is Bf16EmittedConv).Select(entry => (entry.Device, $"bf16-{entry.Family.Name}:"))];
        if (families.Length == 0) Assert.Skip("This CPU has no AVX512-BF16.");
        return families;
    }

    private static void Check(Graph graph, int images, Tensor<float> input, Tensor<float> read, Random random, string repro)
    {
        var families = Families();
        using var reference = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = images, ReferenceOnly = true });
        var layer = reference.Network.Layers.OfType<ContractionLayer>().Single();
        Tensor<float>[] inputs = layer.Residual is null ? [input] : [input, Random(random, 1, graph.Outputs[0].Type.Dims.Select((dim, i) => i == 0 ? images : dim.Size).ToArray())];
        var want = Expected(layer, read, inputs.ElementAtOrDefault(1));
        var products = layer.Channels * layer.Window.Taps + 2;
        foreach (var (device, family) in families)
        {
            float[]? first = null;
            foreach (var engine in Build(graph, images, device, family))
                using (engine)
                {
                    var layerInfo = engine.Layers.Single(IsContraction);
                    var tactic = $"{layerInfo.Tactic} {layerInfo.Spec} {repro}";
                    using var run = new GuardedRun(engine);
                    var got = run.Run(inputs);
                    if (first is null) RequireClose(want, got, products, tactic);
                    first ??= got;
                    Assert.True(first.AsSpan().SequenceEqual(got), $"another blocking, {tactic}");
                    Assert.True(first.AsSpan().SequenceEqual(run.Run(inputs)), $"second run, {tactic}");
                    for (var threads = 1; threads <= 3; threads++) SameBits(engine, inputs, first, threads, tactic);
                }
        }
    }

    // An engine for each blocking that the family has for the layer.
    private static Engine[] Build(Graph graph, int images, Device device, string family)
    {
        var options = new EngineOptions { MaxBatch = images, TimeTactics = false, Bf16 = true };
        using var first = EngineBuilder.Build(graph, options, device);
        var layer = first.Layers.Single(IsContraction);
        string[] tactics = [.. layer.Verdicts.Where(verdict => verdict.Accepted && verdict.Tactic.StartsWith(family, StringComparison.Ordinal)).Select(verdict => verdict.Tactic)];
        Assert.NotEmpty(tactics);
        return [.. tactics.Select(tactic =>
        {
            var planned = new Dictionary<string, PlannedTactic> { [layer.Name] = new(layer.Spec.ToString(), tactic, "a test asks for it", new Dictionary<string, double>()) };
            var engine = EngineBuilder.Build(graph, options, device, planned: planned);
            var chosen = engine.Layers.Single(IsContraction);
            Assert.Equal((tactic, "bfloat16"), (chosen.Tactic, chosen.Precision));
            return engine;
        })];
    }

    private static bool IsContraction(LayerInfo layer) => layer.Spec.Kind is LayerKind.Conv or LayerKind.Gemm;

    private static (float[] Result, double[] Magnitude) Expected(ContractionLayer layer, Tensor<float> read, Tensor<float>? residual)
    {
        var w = (Tensor<float>)layer.Weight!.Constant!;
        if (layer.IsGemm && !layer.TransposedWeights) w = new Transpose([1, 0]).Evaluate([w], 1)[0].As<float>();
        if (layer.IsGemm) w = w.Reshape(new Shape(w.Shape[0], w.Shape[1], 1, 1));
        return ConvBf16Reference.Forward(read, w, (Tensor<float>?)layer.Bias?.Constant, residual, layer.Window, layer.Activation);
    }

    private static void RequireClose((float[] Result, double[] Magnitude) want, float[] got, int products, string repro)
    {
        Assert.Equal(want.Result.Length, got.Length);
        for (var i = 0; i < got.Length; i++)
        {
            var bound = Slope * products * want.Magnitude[i] / (1 << 24) + ActivationError * Math.Max(1, Math.Abs(want.Result[i]));
            Expect.That(Math.Abs(want.Result[i] - got[i]) <= bound, $"{repro}, element {i}: expected {want.Result[i]:R} within {bound:G3}, got {got[i]:R}");
        }
    }

    // The bits of an image do not depend on the threads or on the batch that it is in.
    private static void SameBits(Engine engine, Tensor<float>[] inputs, float[] expected, int threads, string repro)
    {
        using var context = engine.CreateContext(threads);
        foreach (var batch in (int[])[engine.MaxBatch, 1])
        {
            for (var i = 0; i < inputs.Length; i++) inputs[i].Span[..(inputs[i].Length / engine.MaxBatch * batch)].CopyTo(context.Input<float>(engine.Inputs[i].Name));
            context.Run(batch);
            var output = context.Output<float>(engine.Outputs[0].Name)[..(expected.Length / engine.MaxBatch * batch)];
            Assert.True(output.SequenceEqual(expected.AsSpan()[..output.Length]), $"{threads} threads, batch {batch}, {repro}");
        }
    }

    private static Tensor<float> Random(Random random, float amplitude, params int[] dims)
    {
        var tensor = Tensor.Zeros<float>(new Shape(dims));
        foreach (ref var value in tensor.Span) value = (random.NextSingle() * 2 - 1) * amplitude;
        return tensor;
    }

    // A residual is the network's second input.
    private static void Finish(Graph graph, Value y, Epilogue epilogue)
    {
        if (epilogue.HasResidual) y = graph.Add(new Add(), y, graph.AddInput("residual", y.Type));
        graph.AddOutput(epilogue.Activated(graph, y));
    }
}
