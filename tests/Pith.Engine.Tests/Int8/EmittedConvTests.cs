using Pith.Benchmarking;
using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>Every blocking of every family of emitted kernels, on layers that take several tiles, panels and chunks of the reduction, against the plain loops, bit for bit.</summary>
public class EmittedConvTests
{
    // Channels, outputs, size, kernel, stride, groups, images: around the edges of tiles (6 and 14 pixels, 16 rows), panels (16 to 64 channels) and chunks (64 bytes).
    public static TheoryData<int, int, int, int, int, int, int> Layers() => new()
    {
        { 64, 64, 14, 1, 1, 1, 1 },
        { 72, 40, 7, 3, 1, 1, 2 },
        { 128, 33, 7, 3, 1, 1, 3 },
        { 16, 100, 8, 3, 1, 1, 1 },
        { 24, 48, 17, 3, 2, 1, 2 },
        { 3, 40, 19, 7, 2, 1, 1 },
        { 200, 130, 7, 1, 1, 1, 2 },
        { 64, 16, 33, 1, 2, 1, 1 },
        { 32, 32, 9, 3, 1, 4, 2 },
        { 64, 128, 10, 3, 2, 8, 1 },
        { 160, 160, 11, 3, 1, 160, 2 },
        { 72, 72, 13, 5, 2, 72, 1 },
        { 48, 48, 9, 7, 1, 48, 1 },
        { 260, 70, 1, 1, 1, 1, 19 },
        { 96, 24, 1, 1, 1, 1, 1 },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Every_blocking_equals_the_loops(int channels, int outputs, int size, int kernel, int stride, int groups, int images)
    {
        foreach (var (activation, residual) in new[] { ("relu", ResidualKind.Bytes), ("silu", ResidualKind.None), ("none", ResidualKind.None) })
        {
            var b = new QdqGraphBuilder(channels + size, unsigned: residual == ResidualKind.Bytes);
            var x = b.Quantized(b.Input(channels, size, size));
            var window = WindowAttributes.Uniform(kernel, stride, kernel / 2);
            b.Graph.AddOutput(b.WithEpilogue(activation, residual, isFloatOutput: false, () => b.Conv(x, channels, outputs, kernel, window, groups)));
            Check(b, images, b.Data(new Shape(images, channels, size, size)), family => family.WeightForm == TacticVerdict.Dense, $"{activation} seed {channels + size}");
        }
    }

    // Channels are a multiple of 4, of 8, of 16; chunks of one, two and four steps; groups that are joined and others.
    public static TheoryData<int, int, int, int, int, int, int> SparseLayers() => new()
    {
        { 64, 64, 14, 1, 1, 1, 1 },
        { 72, 40, 7, 3, 1, 1, 2 },
        { 20, 33, 7, 3, 1, 1, 3 },
        { 8, 100, 8, 3, 1, 1, 1 },
        { 24, 48, 17, 3, 2, 1, 2 },
        { 512, 130, 7, 1, 1, 1, 2 },
        { 64, 16, 33, 1, 2, 1, 1 },
        { 32, 32, 9, 3, 1, 4, 2 },
        { 64, 128, 10, 3, 2, 8, 1 },
        { 96, 120, 6, 3, 1, 4, 2 },
        { 96, 96, 5, 5, 1, 4, 1 },
        { 260, 70, 1, 1, 1, 1, 9 },
        { 96, 24, 1, 1, 1, 1, 1 },
        { 2048, 100, 1, 1, 1, 1, 1 },
    };

    [Theory]
    [MemberData(nameof(SparseLayers))]
    public void Every_blocking_of_sparse_kernels_equals_the_loops(int channels, int outputs, int size, int kernel, int stride, int groups, int images)
    {
        foreach (var (activation, residual, isFloatOutput) in new[] { ("relu", ResidualKind.Bytes, false), ("silu", ResidualKind.None, false), ("none", ResidualKind.Floats, true) })
        {
            var b = new QdqGraphBuilder(channels + size, unsigned: residual == ResidualKind.Bytes) { Shared = 1 };
            var x = b.Quantized(b.Input(channels, size, size));
            var window = WindowAttributes.Uniform(kernel, stride, kernel / 2);
            b.Graph.AddOutput(b.WithEpilogue(activation, residual, isFloatOutput, () => b.Conv(x, channels, outputs, kernel, window, groups)));
            Check(b, images, b.Data(new Shape(images, channels, size, size)), family => family.WeightForm == "2:4", $"{activation} seed {channels + size}");
        }
    }

    [Fact]
    public void Layers_that_compressed_kernels_do_not_take_are_refused_with_a_reason()
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Skip("This CPU has no AVX-512 VNNI.");
        foreach (var (prunes, groups, pattern, reason) in new[] { (false, 1, null, "the weights are not 2:4"), (true, 2, "2:4", "20 input bytes next to each other are not a multiple of 8") })
        {
            var b = new QdqGraphBuilder(1) { Shared = prunes ? 1 : 0 };
            b.Graph.AddOutput(b.Quantized(b.Conv(b.Quantized(b.Input(40, 4, 4)), 40, 128, groups: groups)));
            using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni));
            var layer = engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Conv);
            Assert.Equal(pattern, layer.Spec.Pattern?.ToString());
            Assert.All(layer.Verdicts.Where(verdict => verdict.Tactic.Contains("int8-compressed", StringComparison.Ordinal)), verdict => Assert.Equal((false, reason), (verdict.Accepted, verdict.Reason)));
        }
    }

    [Fact]
    public void Every_family_of_the_catalog_takes_a_layer()
    {
        var (_, dense) = LayerNetwork.Lower("conv u8>u8 n1 c64 h14 w14 k64 r3,3 stride1,1 pad1,1,1,1 bias");
        var (_, sparse) = LayerNetwork.Lower("conv u8>u8 n1 c64 h14 w14 k64 r3,3 stride1,1 pad1,1,1,1 bias 64:2:4");
        var (_, depthwise) = LayerNetwork.Lower("conv u8>u8 n1 c64 h14 w14 k64 r3,3 stride1,1 pad1,1,1,1 g64 bias");
        foreach (var (family, device, tactics) in EmittedTactics.Families.Where(entry => entry.Tactics[0] is Int8EmittedConv))
            Assert.True(tactics.Any(tactic => new[] { dense, sparse, depthwise }.Any(layer => tactic.Accept(layer, device).Accepted)), family.Name);
    }

    // Registers that an activation overwrites are those that residuals and results of other vectors of the same pixel are kept in.
    [Theory]
    [MemberData(nameof(Activations))]
    public void Every_activation_with_every_residual_equals_the_loops(string activation)
    {
        foreach (var residual in Enum.GetValues<ResidualKind>())
            foreach (var isFloatOutput in new[] { false, true })
                foreach (var (channels, outputs, kernel, groups) in new[] { (20, 100, 1, 1), (72, 72, 3, 72) })
                {
                    var b = new QdqGraphBuilder(channels, unsigned: kernel == 1);
                    var x = b.Quantized(b.Input(channels, 5, 5));
                    b.Graph.AddOutput(b.WithEpilogue(activation, residual, isFloatOutput, () => b.Conv(x, channels, outputs, kernel, WindowAttributes.Uniform(kernel, 1, kernel / 2), groups)));
                    Check(b, 1, b.Data(new Shape(1, channels, 5, 5)), family => family.WeightForm == TacticVerdict.Dense, $"{activation}, residual {residual}, {(isFloatOutput ? "floats" : "bytes")}");
                }
    }

    public static TheoryData<string> Activations() => [.. QdqGraphBuilder.Activations];

    [Fact]
    public void The_estimate_of_silu_gives_the_bits_of_the_loops_for_values_of_all_sizes()
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Skip("This CPU has no AVX-512 VNNI.");
        foreach (var (amax, outputAmax) in new[] { (4f, 0.3f), (4f, 2f), (20f, 20f), (20f, 1f), (100f, 90f), (400f, 300f) })
        {
            var b = new QdqGraphBuilder(7, unsigned: false);
            var x = b.Quantized(b.Input(16, 40, 40), amax);
            var y = b.Conv(x, 16, 64);
            y = b.Graph.Add(new Mul(), y, b.Graph.Add(new Sigmoid(), y));
            b.Graph.AddOutput(b.Quantized(y, outputAmax));
            var input = b.Data(new Shape(4, 16, 40, 40), amax);
            using var reference = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = 4, ReferenceOnly = true });
            using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = 4, TimeTactics = false });
            using var expected = new GuardedRun(reference);
            using var got = new GuardedRun(engine);
            Assert.Contains("silu", engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Conv).Spec.Activation, StringComparison.OrdinalIgnoreCase);
            var want = expected.Run(input);
            Assert.True(want.Distinct().Count() > 10);
            Assert.Equal(want, got.Run(input));
        }
    }

    private static void Check(QdqGraphBuilder b, int images, Tensor<float> input, Func<ConvKernelFamily, bool> which, string repro)
    {
        using var reference = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = images, ReferenceOnly = true });
        using var expected = new GuardedRun(reference);
        var want = expected.Run(input);
        EmittedTactics.CheckAll(b.Graph, images, which, input, want, repro);
    }
}
