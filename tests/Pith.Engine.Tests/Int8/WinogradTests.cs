using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>Winograd's convolution against the plain loops, bit for bit: the edges of its tiles and blocks, all epilogues, the largest numbers, and what it leaves to others.</summary>
public class WinogradTests
{
    private static readonly string[] s_families = ["winograd2-avx2:", "winograd4-avx2:"];

    private static readonly int[] s_channels = [16, 17, 24, 31, 33, 40, 65, 80];
    private static readonly int[] s_outChannels = [1, 7, 8, 9, 16, 17, 33, 40];
    private static readonly int[] s_sizes = [2, 3, 4, 5, 6, 7, 8, 9, 13, 14];

    public static TheoryData<int> Threads() => [1, 2, 3];

    [Theory]
    [MemberData(nameof(Threads))]
    public void It_equals_the_loops_for_all_shapes_and_epilogues(int threads)
    {
        SkipWithoutAvx2();
        for (var seed = 100 * threads; seed < 100 * threads + 60; seed++)
        {
            var random = new Random(seed);
            var (channels, outChannels, height, width, images) = (Pick(random, s_channels), Pick(random, s_outChannels), Pick(random, s_sizes), Pick(random, s_sizes), random.Next(1, 4));
            // Paddings that may differ on all sides; what is left has two rows and columns at least.
            var pads = Enumerable.Range(0, 4).Select(_ => random.Next(3)).ToArray();
            if (height + pads[0] + pads[2] < 4 || width + pads[1] + pads[3] < 4) pads = [1, 1, 1, 1];
            var window = new WindowAttributes { Strides = [1, 1], Dilations = [1, 1], Pads = pads.ToValueList() };
            var b = new QdqGraphBuilder(seed, unsigned: seed % 2 == 0);
            var x = b.Quantized(b.Input(channels, height, width));
            // A convolution before it, so that its input may have a border in memory.
            if (random.Next(2) == 0) x = b.Quantized(b.Conv(x, channels, channels));
            b.Graph.AddOutput(b.WithEpilogue(random, epilogue => b.Conv(x, channels, outChannels, 3, window, bias: epilogue != "no bias", integerBias: epilogue != "float bias")));
            var least = Math.Min(height + pads[0] + pads[2], width + pads[1] + pads[3]) - 2;
            CheckAgainstLoops(b.Graph, images, threads, b.Data(new Shape(images, channels, height, width)), $"seed {seed}", least < 4 ? s_families[..1] : s_families);
        }
    }

    // Tiles of an image, and images: one block, the longest, a block and a short one, several. By the channels a block is 24, 12 or 6 tiles; one thread gets all of them.
    // The sums of so many random weights are too large for tiles of 4x4 from 512 channels on.
    [Theory]
    [InlineData(16, 10, 1)]
    [InlineData(16, 12, 1)]
    [InlineData(16, 13, 1)]
    [InlineData(16, 14, 3)]
    [InlineData(16, 30, 1)]
    [InlineData(512, 7, 2)]
    [InlineData(520, 8, 1)]
    [InlineData(256, 22, 1)]
    [InlineData(1000, 5, 1)]
    public void It_equals_the_loops_for_all_numbers_of_tiles(int channels, int size, int images)
    {
        SkipWithoutAvx2();
        var b = new QdqGraphBuilder(channels + size, unsigned: true);
        var x = b.Quantized(b.Input(channels, size, size));
        b.Graph.AddOutput(b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, channels, 24, 3, 1, 1))));
        CheckAgainstLoops(b.Graph, images, threads: 1, b.Data(new Shape(images, channels, size, size)), $"{channels} channels, size {size}", channels > 256 ? s_families[..1] : s_families);
    }

    // As many channels as there may be with the largest weights.
    [Theory]
    [InlineData(0, 1827, 127)]
    [InlineData(0, 1827, -128)]
    [InlineData(0, 1827, 0)]
    [InlineData(1, 114, 127)]
    [InlineData(1, 114, -128)]
    [InlineData(1, 114, 0)]
    public void The_largest_numbers_do_not_overflow_on_the_way(int family, int channels, int weight)
    {
        SkipWithoutAvx2();
        var random = new Random(5);
        var graph = Extreme(channels, weight, random);
        var input = Tensor.Zeros<float>(new Shape(2, channels, 6, 7));
        foreach (ref var value in input.Span) value = random.Next(2) * 255;
        input.Span[(input.Length / 2)..].Fill(255);
        CheckAgainstLoops(graph, images: 2, threads: 2, input, $"weights {weight}", [s_families[family]]);
    }

    [Fact]
    public void What_it_cannot_do_or_not_do_better_is_refused_with_the_reason()
    {
        SkipWithoutAvx2();
        foreach (var (family, most) in s_families.Zip([1827, 114]))
        {
            string? Refusal(Graph graph, CpuFeatures? isa = null) => RefusalOf(family, graph, isa ?? IsaLevel.Avx2);

            Assert.Contains("sums could leave", Refusal(Extreme(most + 1, -128, new Random(1))), StringComparison.Ordinal);
            Assert.Null(Refusal(Extreme(most + 1, 126, new Random(1))));
            Assert.Contains("do not fit", Refusal(Extreme(2008, 1, new Random(1))), StringComparison.Ordinal);
            Assert.Contains("smaller than a tile", Refusal(Conv(16, 1, 1, 1)), StringComparison.Ordinal);
            Assert.Contains("stride 1", Refusal(Conv(16, 8, 2, 1)), StringComparison.Ordinal);
            Assert.Contains("without groups", Refusal(Conv(32, 8, 1, 2)), StringComparison.Ordinal);
            Assert.Contains("fewer than 16 channels", Refusal(Conv(15, 8, 1, 1)), StringComparison.Ordinal);
            Assert.Null(Refusal(Conv(16, 8, 1, 1)));
            if (TestDevice.Has(CpuFeatures.AvxVnni)) Assert.Contains("AVX-VNNI", Refusal(Conv(16, 8, 1, 1), IsaLevel.AvxVnni), StringComparison.Ordinal);
            if (TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Contains("AVX512-VNNI", Refusal(Conv(16, 8, 1, 1), IsaLevel.Avx512Vnni), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(64, 28, 1)]
    [InlineData(64, 6, 0)]
    public void It_is_chosen_without_timing_where_it_is_faster(int channels, int size, int family)
    {
        SkipWithoutAvx2();
        using var engine = EngineBuilder.Build(Conv(channels, size, 1, 1), new EngineOptions { TimeTactics = false }, TestDevice.At(IsaLevel.Avx2));
        Assert.Contains(s_families[family], engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Conv).Tactic, StringComparison.Ordinal);
    }

    private static void SkipWithoutAvx2()
    {
        if (!TestDevice.Has(CpuFeatures.Avx2)) Assert.Skip("This CPU has no AVX2.");
    }

    private static void CheckAgainstLoops(Graph graph, int images, int threads, Tensor<float> input, string repro, string[] families)
    {
        using var reference = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = images, ReferenceOnly = true });
        using var expected = new GuardedRun(reference);
        var want = expected.Run(input);
        foreach (var family in families) Assert.True(EmittedTactics.Check(graph, images, TestDevice.At(IsaLevel.Avx2, threads), name => name.Contains(family, StringComparison.Ordinal), input, want, repro) > 0);
    }

    // Bytes as they are, with weights of one value, or of -128 and 127 for 0.
    private static Graph Extreme(int channels, int weight, Random random)
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32([Dim.Named("N"), channels, 6, 7]));
        var (one, zero) = (graph.AddConstant("one", Tensor.Scalar(1f)), graph.AddConstant("zero", Tensor.Scalar((byte)0)));
        var q = graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), x, one, zero), one, zero);
        var w = Tensor.Zeros<sbyte>(new Shape(9, channels, 3, 3));
        foreach (ref var value in w.Span) value = (sbyte)(weight != 0 ? weight : random.Next(2) == 0 ? 127 : -128);
        graph.AddOutput(graph.Add(new Conv(), q, graph.Add(new DequantizeLinear(), graph.AddConstant("w", w), one)));
        return graph;
    }

    private static Graph Conv(int channels, int size, int stride, int groups)
    {
        var b = new QdqGraphBuilder(1);
        b.Graph.AddOutput(b.Quantized(b.Conv(b.Quantized(b.Input(channels, size, size)), channels, 32, 3, stride, 1, groups)));
        return b.Graph;
    }

    private static string? RefusalOf(string family, Graph graph, CpuFeatures isa)
    {
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false }, TestDevice.At(isa));
        var verdict = engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Conv).Verdicts.First(verdict => verdict.Tactic.Contains(family, StringComparison.Ordinal));
        return verdict.Accepted ? null : verdict.Reason;
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];
}
