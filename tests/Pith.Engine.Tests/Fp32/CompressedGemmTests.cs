using Pith.Kernels;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Fp32;

/// <summary>Float matrix products whose 2:4 weights are stored compressed, against the kernels for dense weights, bit for bit.</summary>
public class CompressedGemmTests
{
    // Around the edges of panels (64 channels), groups (32 weights) and quads; one quad alone.
    [Theory]
    [InlineData(1, 64, 64, true, "relu")]
    [InlineData(1, 4, 1, false, "none")]
    [InlineData(3, 100, 70, true, "none")]
    [InlineData(2, 36, 200, false, "leaky")]
    [InlineData(4, 512, 129, true, "relu")]
    [InlineData(1, 2048, 1000, false, "none")]
    public void Sums_equal_those_of_dense_kernels(int rows, int reduction, int outputs, bool transposed, string activation)
    {
        if (!TestDevice.Has(CpuFeatures.Avx512)) Assert.Skip("This CPU has no AVX-512.");
        foreach (var (hasBias, hasResidual) in new[] { (true, false), (false, reduction == outputs), (true, reduction == outputs) })
        {
            var graph = Product(reduction, outputs, transposed, activation, hasBias, hasResidual, isSparse: true);
            var options = new EngineOptions { MaxBatch = rows, TimeTactics = false };
            using var dense = Build(graph, options, "fp32-avx512");
            using var compressed = Build(graph, options, "fp32-compressed-avx512");
            Assert.Equal("2:4", Last(compressed).Verdicts.First(verdict => verdict.Tactic == Last(compressed).Tactic).WeightForm);
            var input = Tensor.Create(new Shape(rows, reduction), Numbers(3, rows * reduction));
            using var want = new GuardedRun(dense);
            using var got = new GuardedRun(compressed);
            Assert.Equal(want.Run(input), got.Run(input));
            Assert.Equal(want.Run(input), got.Run(input));
        }
    }

    [Fact]
    public void They_are_about_half_as_large_and_dense_weights_are_refused()
    {
        if (!TestDevice.Has(CpuFeatures.Avx512)) Assert.Skip("This CPU has no AVX-512.");
        var options = new EngineOptions { TimeTactics = false };
        using var dense = Build(Product(2048, 256, true, "none", false, false, isSparse: true), options, "fp32-avx512");
        using var compressed = Build(Product(2048, 256, true, "none", false, false, isSparse: true), options, "fp32-compressed-avx512");
        Assert.InRange((double)compressed.WeightBytes / dense.WeightBytes, 0.5, 0.55);
        using var other = EngineBuilder.Build(Product(64, 64, true, "none", false, false, isSparse: false), options, TestDevice.At(IsaLevel.Avx512Vnni));
        Assert.Equal((false, "the weights are not 2:4"), Last(other).Verdicts.Where(verdict => verdict.Tactic == "fp32-compressed-avx512").Select(verdict => (verdict.Accepted, verdict.Reason)).Single());
    }

    private static Engine Build(Graph graph, EngineOptions options, string tactic) => ChosenTactic.Build(graph, options, TestDevice.At(IsaLevel.Avx512Vnni), tactic).Engine;

    private static LayerInfo Last(Engine engine) => engine.Layers.Last(layer => layer.Spec.Kind == LayerKind.Gemm);

    private static float[] Numbers(int seed, int count)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() * 2 - 1)];
    }

    private static Graph Product(int reduction, int outputs, bool transposed, string activation, bool hasBias, bool hasResidual, bool isSparse)
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), reduction));
        var weights = Numbers(1, reduction * outputs);
        for (var i = 0; i < weights.Length && isSparse; i++)
        {
            // One of the six patterns for each quad, now and then with a zero more.
            var (output, k) = transposed ? (i / reduction, i % reduction) : (i % outputs, i / outputs);
            var pattern = new[] { 0b0011, 0b0101, 0b1001, 0b0110, 0b1010, 0b1100, 0b0100 }[(output * 31 + k / 4 * 17) % 7];
            if ((pattern >> k % 4 & 1) == 0) weights[i] = 0;
        }
        var w = graph.AddConstant("w", Tensor.Create(transposed ? new Shape(outputs, reduction) : new Shape(reduction, outputs), weights));
        Value[] operands = hasBias ? [x, w, graph.AddConstant("b", Tensor.Create(new Shape(outputs), Numbers(2, outputs)))] : [x, w];
        var y = graph.AddNode(new Gemm { TransB = transposed }, operands, "fc").Output;
        if (hasResidual) y = graph.Add(new Add(), y, x);
        if (activation == "relu") y = graph.Add(new Relu(), y);
        if (activation == "leaky") y = graph.Add(new LeakyRelu { Alpha = 0.1f }, y);
        graph.AddOutput(y);
        return graph;
    }
}
