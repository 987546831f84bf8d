using Pith.Ops;

namespace Pith.EngineTests.Fp32;

/// <summary>Float convolutions, input gradients and matrix products whose weights change from run to run: every tactic that packs them at the run, against the ops' own definitions.</summary>
public class ComputedWeightsTests
{
    // Of the largest result; Winograd's sums have up to three times the error of plain ones.
    private const double Tolerance = 2e-5;

    private const int Images = 3;

    // Channels, outputs, height, width, kernel, dilation, groups, padding: around the edges of vectors, panels, tiles of pixels and of Winograd's.
    public static TheoryData<int, int, int, int, int, int, int, int> Convolutions() => new()
    {
        { 16, 16, 9, 8, 1, 1, 1, 0 },
        { 70, 33, 5, 7, 1, 1, 1, 0 },
        { 24, 40, 9, 10, 3, 1, 1, 1 },
        { 33, 70, 7, 7, 3, 1, 1, 1 },
        { 65, 24, 4, 6, 3, 1, 1, 1 },
        { 32, 48, 8, 8, 3, 1, 1, 0 },
        { 48, 32, 8, 9, 3, 1, 1, 2 },
        { 8, 20, 9, 8, 5, 1, 1, 2 },
        { 12, 18, 9, 9, 3, 2, 1, 2 },
        { 24, 48, 8, 8, 3, 1, 3, 1 },
        { 40, 40, 6, 7, 3, 1, 8, 1 },
        { 36, 36, 7, 6, 3, 1, 36, 1 },
    };

    [Theory]
    [MemberData(nameof(Convolutions))]
    public void Every_tactic_agrees_with_the_op(int channels, int outputs, int height, int width, int kernel, int dilation, int groups, int padding)
    {
        var window = WindowAttributes.Uniform(kernel, 1, padding) with { Dilations = [dilation, dilation] };
        var isTransformed = kernel == 3 && dilation == 1 && groups == 1 && Math.Min(channels, outputs) >= 24;
        foreach (var hasEpilogue in (bool[])[false, true])
        {
            var forward = new Graph();
            var w = forward.AddInput("w", TensorType.Float32(outputs, channels / groups, kernel, kernel));
            var x = forward.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, height, width));
            var y = hasEpilogue ? forward.Add(new Conv { Window = window, Groups = groups }, x, w, forward.AddInput("b", TensorType.Float32(outputs))) : forward.Add(new Conv { Window = window, Groups = groups }, x, w);
            if (hasEpilogue) y = forward.Add(new Relu(), forward.Add(new Add(), y, forward.AddInput("r", y.Type)));
            forward.AddOutput(y);
            Check(forward, isTransformed);

            var backward = new Graph();
            var weights = backward.AddInput("w", TensorType.Float32(outputs, channels / groups, kernel, kernel));
            var dx = backward.Add(new ConvInputGradient { Window = window, Groups = groups, InputSizes = [height, width] }, backward.AddInput("dy", y.Type), weights);
            backward.AddOutput(hasEpilogue ? backward.Add(new Add(), dx, backward.AddInput("r", dx.Type)) : dx);
            Check(backward, isTransformed);
        }
    }

    [Theory]
    [InlineData(20, 70, true)]
    [InlineData(70, 20, false)]
    [InlineData(64, 10, true)]
    public void Matrix_products_agree_with_the_op(int reduced, int outputs, bool transposes)
    {
        var graph = new Graph();
        var w = graph.AddInput("w", TensorType.Float32(transposes ? outputs : reduced, transposes ? reduced : outputs));
        graph.AddOutput(graph.Add(new Gemm { TransB = transposes }, graph.AddInput("x", TensorType.Float32(Dim.Named("N"), reduced)), w, graph.AddInput("b", TensorType.Float32(outputs))));
        Check(graph, isTransformed: false);
    }

    private static void Check(Graph graph, bool isTransformed)
    {
        var options = new EngineOptions { MaxBatch = Images, TimeTactics = false };
        using var first = EngineBuilder.Build(graph, options, TestDevice.At(Kernels.Isa.Detected));
        var layer = first.Layers.Single(layer => layer.Spec.Kind is LayerKind.Conv or LayerKind.Gemm);
        var tactics = layer.Verdicts.Where(verdict => verdict.Accepted && verdict.Tactic != "reference").Select(verdict => verdict.Tactic).ToArray();
        Assert.NotEmpty(tactics);
        if (TestDevice.Has(Kernels.CpuFeatures.Avx512)) Assert.Equal(isTransformed, tactics.Any(tactic => tactic.Contains("winograd", StringComparison.Ordinal)));
        foreach (var tactic in tactics)
        {
            var (engine, chosen) = ChosenTactic.Build(graph, options, TestDevice.At(Kernels.Isa.Detected), tactic);
            using (engine)
            {
                // The weights of a run are those that its context has then.
                using var one = engine.CreateContext(1);
                using var three = engine.CreateContext(3);
                for (var run = 0; run < 2; run++)
                {
                    var inputs = graph.Inputs.Select((input, i) => Noise(input, new Random(10 * run + i))).ToArray();
                    var want = GraphInterpreter.Run(graph, inputs)[0].As<float>().Data;
                    var (alone, shared) = (Run(one, inputs), Run(three, inputs));
                    Assert.Equal(alone, shared);
                    var scale = want.Max(MathF.Abs);
                    for (var i = 0; i < want.Length; i++) Expect.That(Math.Abs(want[i] - alone[i]) <= Tolerance * scale, $"{tactic} {chosen.Spec}, run {run}, element {i}: expected {want[i]:R}, got {alone[i]:R}");
                }
            }
        }
    }

    private static float[] Run(EngineContext context, Tensor[] inputs)
    {
        for (var i = 0; i < inputs.Length; i++) context.SetInput(context.Engine.Inputs[i].Name, inputs[i]);
        context.Run();
        return context.Output<float>(context.Engine.Outputs[0].Name).ToArray();
    }

    private static Tensor<float> Noise(Value input, Random random)
    {
        var noise = Tensor.Zeros<float>(new Shape([.. input.Type.Dims.Select(dim => dim.IsFixed ? (int)dim.Size : Images)]));
        foreach (ref var value in noise.Span) value = random.NextSingle() * 2 - 1;
        return noise;
    }
}
