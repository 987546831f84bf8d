using Pith.EngineTests.Fp32;
using Pith.Kernels;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Bf16;

/// <summary>
/// Convolutions, input gradients and matrix products whose weights change from run to run, with operands rounded to bfloat16, in vectors and in tiles (emulated where the CPU has none), against the ops' own definitions on rounded operands.
/// </summary>
public class Bf16ComputedWeightsTests
{
    // Of the largest result.
    private const double Tolerance = 2e-5;

    // Of Winograd's transforms, which are rounded to bfloat16: the root mean square of errors relative to that of results, and the largest error relative to the largest result.
    private const double LargestNoise = 0.015, LargestError = 0.03;

    private const int Images = 3;

    [Theory]
    [MemberData(nameof(ComputedWeightsTests.Convolutions), MemberType = typeof(ComputedWeightsTests))]
    [InlineData(3, 40, 19, 21, 7, 1, 1, 3)]
    [InlineData(96, 64, 12, 13, 3, 1, 1, 1)]
    public void Every_tactic_agrees_with_the_op_on_rounded_operands(int channels, int outputs, int height, int width, int kernel, int dilation, int groups, int padding)
    {
        if (groups > 1) return;
        foreach (var stride in (int[])[1, 2])
        {
            var window = WindowAttributes.Uniform(kernel, stride, padding) with { Dilations = [dilation, dilation] };
            var forward = new Graph();
            var w = forward.AddInput("w", TensorType.Float32(outputs, channels, kernel, kernel));
            var y = forward.Add(new Conv { Window = window }, forward.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width)), w, forward.AddInput("bias", TensorType.Float32(outputs)));
            forward.AddOutput(forward.Add(new Relu(), forward.Add(new Add(), y, forward.AddInput("residual", y.Type))));
            Check(forward);
            Check(InputGradient(window, channels, outputs, height, width, hasResidual: true));
        }
    }

    // Also strides that are longer than the kernel, so that some pixels have no gradient, images of few pixels, and windows that do not begin or end with the image.
    [Theory]
    [MemberData(nameof(Seeds))]
    public void Strided_input_gradients_agree_with_the_op_on_rounded_operands(int seed)
    {
        var random = new Random(seed);
        int Up(int most) => 1 + random.Next(most);
        int[] kernel = [Up(5), Up(5)], strides = [1 + Up(2), Up(3)], dilations = [Up(2), Up(2)];
        int[] extents = [(kernel[0] - 1) * dilations[0] + 1, (kernel[1] - 1) * dilations[1] + 1];
        int[] before = [random.Next(extents[0]), random.Next(extents[1])], after = [random.Next(extents[0]), random.Next(extents[1])];
        var window = new WindowAttributes { KernelShape = [.. kernel], Strides = [.. strides], Dilations = [.. dilations], Pads = [before[0], before[1], after[0], after[1]] };
        var sizes = Array.ConvertAll((int[])[0, 1], axis => Math.Max(1, extents[axis] - before[axis] - after[axis]) + random.Next(12));
        Check(InputGradient(window, Up(80), Up(80), sizes[0], sizes[1], hasResidual: random.Next(2) == 0));
    }

    public static TheoryData<int> Seeds() => [.. Enumerable.Range(0, 24)];

    [Theory]
    [InlineData(4)]
    [InlineData(16)]
    public void Gradients_of_grouped_convolutions_are_not_rounded(int groups)
    {
        foreach (var device in Devices())
        {
            var window = WindowAttributes.Uniform(3, 2, 1);
            var graph = InputGradient(window, 16, 16, 9, 8, hasResidual: false, groups);
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = Images, TimeTactics = false, Bf16 = true }, device);
            Assert.Equal("float32", engine.Layers.Single(ChosenTactic.IsContraction).Precision);
        }
    }

    [Theory]
    [InlineData(20, 70, true)]
    [InlineData(71, 20, false)]
    [InlineData(64, 10, true)]
    public void Matrix_products_agree_with_the_op_on_rounded_operands(int reduced, int outputs, bool transposes)
    {
        var graph = new Graph();
        var w = graph.AddInput("w", TensorType.Float32(transposes ? outputs : reduced, transposes ? reduced : outputs));
        graph.AddOutput(graph.Add(new Gemm { TransB = transposes }, graph.AddInput("x", TensorType.Float32(Dim.Named("N"), reduced)), w, graph.AddInput("bias", TensorType.Float32(outputs))));
        Check(graph);
    }

    // Of sums of quantized numbers the order of additions would show.
    [Fact]
    public void Simulated_quantization_is_rounded_in_gradients_only()
    {
        foreach (var device in Devices())
        {
            var window = WindowAttributes.Uniform(3, 1, 1);
            var graph = new Graph();
            var w = graph.AddInput("w", TensorType.Float32(32, 32, 3, 3));
            var y = graph.Add(new Conv { Window = window }, graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 32, 8, 8)), w);
            graph.AddOutput(y);
            graph.AddOutput(graph.Add(new ConvInputGradient { Window = window, InputSizes = [8, 8] }, graph.AddInput("dy", y.Type), w));
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = Images, TimeTactics = false, Literal = true, Bf16 = true }, device);
            Assert.Equal(["float32", "bfloat16"], engine.Layers.Where(layer => layer.Spec.Kind == LayerKind.Conv).Select(layer => layer.Precision));
        }
    }

    // Training promises the same bits for any number of threads and any batch.
    [Fact]
    public void Estimates_choose_the_same_for_all_threads_and_batches()
    {
        Devices();
        foreach (var isa in (CpuFeatures[])[IsaLevel.Avx512Vnni, IsaLevel.Amx])
            foreach (var (channels, size, kernel) in ((int, int, int)[])[(32, 56, 3), (64, 28, 1), (256, 14, 3), (512, 7, 1), (16, 5, 3)])
            {
                var graph = new Graph();
                var w = graph.AddInput("w", TensorType.Float32(channels, channels, kernel, kernel));
                var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, size, size));
                var y = graph.Add(new Conv { Window = WindowAttributes.Uniform(kernel, 1, kernel / 2) }, x, w);
                graph.AddOutput(y);
                graph.AddOutput(graph.Add(new ConvWeightGradient { Window = WindowAttributes.Uniform(kernel, 1, kernel / 2) }, graph.AddInput("dy", y.Type), x));
                graph.AddOutput(graph.Add(new ConvInputGradient { Window = WindowAttributes.Uniform(kernel, 2, kernel / 2), InputSizes = [2 * size, 2 * size] }, graph.AddInput("strided", y.Type), w));
                Assert.Single((from threads in (int[])[1, 2, 64] from batch in (int[])[1, 32] select Chosen(graph, threads, batch, isa)).Distinct());
            }

        static string Chosen(Graph graph, int threads, int batch, CpuFeatures isa)
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batch, TimeTactics = false, Bf16 = true }, TestDevice.At(isa, threads));
            return string.Join(' ', engine.Layers.Select(layer => layer.Tactic));
        }
    }

    private static Graph InputGradient(WindowAttributes window, int channels, int outputs, int height, int width, bool hasResidual, int groups = 1)
    {
        var graph = new Graph();
        var w = graph.AddInput("w", TensorType.Float32(outputs, channels / groups, window.KernelShape[0], window.KernelShape[1]));
        var y = new Graph();
        var dy = y.Add(new Conv { Window = window, Groups = groups }, y.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width)), y.AddInput("w", w.Type)).Type;
        var dx = graph.Add(new ConvInputGradient { Window = window, Groups = groups, InputSizes = [height, width] }, graph.AddInput("dy", dy), w);
        graph.AddOutput(hasResidual ? graph.Add(new Add(), dx, graph.AddInput("residual", dx.Type)) : dx);
        return graph;
    }

    private static Device[] Devices()
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Bf16)) Assert.Skip("This CPU has no AVX512-BF16.");
        return [TestDevice.At(IsaLevel.Avx512Vnni), TestDevice.At(IsaLevel.Amx)];
    }

    private static void Check(Graph graph)
    {
        var options = new EngineOptions { MaxBatch = Images, TimeTactics = false, Bf16 = true };
        var checkedTactics = new HashSet<string>();
        foreach (var device in Devices())
        {
            using var first = EngineBuilder.Build(graph, options, device);
            var verdicts = first.Layers.Single(ChosenTactic.IsContraction).Verdicts;
            foreach (var tactic in verdicts.Where(verdict => verdict.Accepted && verdict.Tactic.StartsWith("bf16-", StringComparison.Ordinal)).Select(verdict => verdict.Tactic))
                if (checkedTactics.Add(tactic)) Check(graph, options, device, tactic);
        }
        Assert.Equal(2, checkedTactics.Count(tactic => tactic.StartsWith("bf16-avx512bf16", StringComparison.Ordinal) || tactic.StartsWith("bf16-amxbf16", StringComparison.Ordinal)));
    }

    private static void Check(Graph graph, EngineOptions options, Device device, string tactic)
    {
        var (engine, chosen) = ChosenTactic.Build(graph, options, device, tactic);
        using var built = engine;
        Assert.Equal("bfloat16", chosen.Precision);
        using var one = engine.CreateContext(1);
        using var three = engine.CreateContext(3);
        var isTransformed = tactic.Contains("winograd", StringComparison.Ordinal);
        for (var run = 0; run < 2; run++)
        {
            var inputs = graph.Inputs.Select((input, i) => Noise(input, new Random(10 * run + i))).ToArray();
            var rounded = graph.Inputs.Zip(inputs, (input, tensor) => input.Name is "bias" or "residual" ? tensor : Rounded(tensor)).ToArray();
            var want = GraphInterpreter.Run(graph, isTransformed ? inputs : rounded)[0].As<float>().Data;
            var (alone, shared) = (Run(one, inputs), Run(three, inputs));
            Assert.Equal(alone, shared);
            var largest = want.Max(MathF.Abs);
            for (var i = 0; i < want.Length; i++)
                Assert.True(Math.Abs(want[i] - alone[i]) <= (isTransformed ? LargestError : Tolerance) * largest, $"{tactic} {chosen.Spec}, run {run}, element {i}: expected {want[i]:R}, got {alone[i]:R}");
            var noise = Math.Sqrt(want.Zip(alone, (a, b) => ((double)a - b) * (a - b)).Sum() / want.Sum(a => (double)a * a));
            Assert.True(noise <= LargestNoise, $"{tactic} {chosen.Spec}, run {run}: noise {noise}");
        }
    }

    private static float[] Run(EngineContext context, Tensor[] inputs)
    {
        for (var i = 0; i < inputs.Length; i++) context.SetInput(context.Engine.Inputs[i].Name, inputs[i]);
        context.Run();
        return context.Output<float>(context.Engine.Outputs[0].Name).ToArray();
    }

    private static Tensor<float> Rounded(Tensor<float> values) => Tensor.Create(values.Shape, values.Data.Select(value => Bfloat16.Widen(Bfloat16.Round(value))).ToArray());

    private static Tensor<float> Noise(Value input, Random random)
    {
        var noise = Tensor.Zeros<float>(new Shape([.. input.Type.Dims.Select(dim => dim.IsFixed ? (int)dim.Size : Images)]));
        foreach (ref var value in noise.Span) value = random.NextSingle() * 2 - 1;
        return noise;
    }
}
