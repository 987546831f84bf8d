using Pith.Kernels;
using Pith.Kernels.Jit;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>Kernels for weights whose output channels share 2:4 patterns, against the plain loops, bit for bit.</summary>
public class SharedPatternTests
{
    // V, channels, outputs, size, kernel, stride, groups, images: around the edges of blocks (16 to 64 bytes), pairs of groups, panels and tiles.
    public static TheoryData<int, int, int, int, int, int, int, int> Layers() => new()
    {
        { 8, 64, 64, 14, 1, 1, 1, 1 },
        { 16, 64, 64, 14, 3, 1, 1, 2 },
        { 32, 128, 128, 7, 3, 1, 1, 2 },
        { 64, 192, 128, 9, 1, 1, 1, 1 },
        { 8, 16, 40, 6, 3, 1, 1, 1 },
        { 16, 48, 33, 7, 3, 2, 1, 2 },
        { 32, 80, 100, 5, 3, 1, 1, 1 },
        { 16, 24, 70, 9, 1, 1, 1, 2 },
        { 8, 32, 26, 7, 5, 1, 1, 1 },
        { 16, 128, 128, 10, 3, 1, 2, 2 },
        { 8, 192, 96, 8, 3, 1, 3, 1 },
        { 16, 320, 1000, 1, 1, 1, 1, 3 },
        { 32, 96, 72, 1, 1, 1, 1, 1 },
        { 16, 64, 64, 23, 3, 1, 1, 1 },
        { 32, 64, 128, 12, 7, 2, 1, 1 },
        { 64, 224, 160, 8, 3, 1, 1, 2 },
        { 64, 64, 64, 12, 1, 1, 1, 2 },
        { 64, 256, 128, 6, 3, 1, 2, 1 },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Every_kernel_equals_the_loops(int shared, int channels, int outputs, int size, int kernel, int stride, int groups, int images)
    {
        foreach (var (activation, residual, isFloatOutput) in new[] { ("relu", ResidualKind.Bytes, false), ("silu", ResidualKind.None, false), ("none", ResidualKind.None, true), ("leaky", ResidualKind.Floats, false), ("none", ResidualKind.Bytes, false) })
        {
            var b = new QdqGraphBuilder(channels + size, unsigned: residual == ResidualKind.Bytes && activation == "relu") { Shared = shared };
            var x = b.Quantized(b.Input(channels, size, size));
            var window = WindowAttributes.Uniform(kernel, stride, kernel / 2);
            b.Graph.AddOutput(b.WithEpilogue(activation, residual, isFloatOutput, () => b.Conv(x, channels, outputs, kernel, window, groups)));
            var input = b.Data(new Shape(images, channels, size, size));
            using var reference = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = images, ReferenceOnly = true });
            using var expected = new GuardedRun(reference);
            var want = expected.Run(input);
            EmittedTactics.CheckAll(b.Graph, images, IsShared, input, want, $"{shared}:2:4 {activation}, residual {residual}, {(isFloatOutput ? "floats" : "bytes")}");
        }
    }

    [Theory]
    [InlineData(16)]
    [InlineData(64)]
    public void Dilated_windows_equal_the_loops(int shared)
    {
        var b = new QdqGraphBuilder(5) { Shared = shared };
        var window = new WindowAttributes { Pads = ValueList.Repeat(2, 4), Dilations = [2, 2] };
        var x = b.Quantized(b.Input(96, 9, 9));
        b.Graph.AddOutput(b.WithEpilogue("relu", ResidualKind.Bytes, isFloatOutput: false, () => b.Conv(x, 96, 80, 3, window)));
        var input = b.Data(new Shape(2, 96, 9, 9));
        using var reference = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = 2, ReferenceOnly = true });
        using var expected = new GuardedRun(reference);
        EmittedTactics.CheckAll(b.Graph, 2, IsShared, input, expected.Run(input), $"{shared}:2:4");
    }

    [Fact]
    public void Slots_that_are_still_read_are_not_gathered_into()
    {
        for (var most = 1; most <= 2; most++)
            for (var steps = 1; steps <= 60; steps++)
            {
                var slots = SharedTileSlots.For(steps, most);
                Assert.Equal(steps == 1 ? 0 : steps == 2 || steps == 5 ? 1 : most, slots.Ahead);
                for (var step = 0; step < steps; step++)
                {
                    Assert.InRange(slots.Of(step), 0, slots.Count - 1);
                    // The steps that follow, those of the next task included.
                    for (var ahead = 1; ahead <= slots.Ahead; ahead++) Assert.NotEqual(slots.Of(step), slots.Of((step + ahead) % steps));
                }
                var (head, rounds) = slots.Loop(9);
                for (var step = head; step < head + (rounds - 1) * slots.Period; step++) Assert.Equal((slots.Of(step), slots.Of(step + slots.Ahead)), (slots.Of(step + slots.Period), slots.Of(step + slots.Period + slots.Ahead)));
                Assert.True(head + rounds * slots.Period <= steps - (rounds > 0 ? slots.Ahead + 1 : 0));
            }
    }

    private static bool IsShared(ConvKernelFamily family) => family.WeightForm.EndsWith(":2:4", StringComparison.Ordinal);

    [Theory]
    [InlineData(8, 16, true)]
    [InlineData(16, 32, true)]
    [InlineData(32, 64, true)]
    [InlineData(8, 16, false)]
    [InlineData(16, 32, false)]
    [InlineData(32, 64, false)]
    public void Sums_hold_each_channel_once_and_results_are_permutations_of_couples(int shared, int channels, bool isNatural)
    {
        var panel = new PanelShape(SharedSums.PanelVectors(shared), channels, isNatural) { Shared = shared };
        var partials = SharedSums.Partials(shared);
        var sums = Enumerable.Range(0, panel.Capacity * partials).Select(i => SharedSums.Channel(panel, i / 16, i % 16)).ToArray();
        Assert.Equal(Enumerable.Range(0, channels).SelectMany(channel => Enumerable.Repeat(channel, partials)), sums.Order());
        Assert.All(Enumerable.Range(0, sums.Length), i => Assert.Equal(i % 2, sums[i] / shared));
        for (var couple = 0; couple < panel.Vectors * partials / 2; couple++)
        {
            // The code permutes all couples alike.
            var (first, second) = (SharedSums.Permutation(panel, couple, false), SharedSums.Permutation(panel, couple, true));
            Assert.Equal(SharedSums.Permutation(panel, 0, false), first);
            Assert.Equal(SharedSums.Permutation(panel, 0, true), second);
            Assert.Equal(Enumerable.Range(0, 32), first.Concat(second).Order());
        }
    }

    [Theory]
    [InlineData(16, 32, "the weights are not 32:2:4")]
    [InlineData(0, 8, "the weights are not 8:2:4")]
    public void Weights_without_the_pattern_are_refused_in_words(int shared, int kernels, string reason)
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Skip("This CPU has no AVX-512 VNNI.");
        var b = new QdqGraphBuilder(3) { Shared = shared };
        b.Graph.AddOutput(b.Conv(b.Quantized(b.Input(64, 7, 7)), 64, 64, 3));
        using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni));
        var verdicts = engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Conv).Verdicts.Where(verdict => verdict.Tactic.Contains($"shared{kernels}-avx512", StringComparison.Ordinal)).ToArray();
        Assert.NotEmpty(verdicts);
        Assert.All(verdicts, verdict => Assert.Equal((false, reason), (verdict.Accepted, verdict.Reason)));
    }
}
