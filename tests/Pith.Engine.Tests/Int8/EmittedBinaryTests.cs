using Pith.Kernels;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>Emitted sums and products of quantized tensors against the plain loops, bit for bit.</summary>
public class EmittedBinaryTests
{
    // Around blocks of 64 bytes; one value of the second operand per element, or per channel.
    public static TheoryData<int, int, bool, bool, bool> Layers()
    {
        var layers = new TheoryData<int, int, bool, bool, bool>();
        foreach (var (channels, size) in new[] { (3, 5), (8, 8), (40, 3), (64, 7), (72, 6), (130, 4) })
            for (var i = 0; i < 8; i++) layers.Add(channels, size, (i & 1) != 0, (i & 2) != 0, (i & 4) != 0);
        return layers;
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void Sums_and_products_equal_the_loops(int channels, int size, bool isSum, bool isShared, bool unsigned)
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Vnni)) Assert.Skip("This CPU has no AVX-512 VNNI.");
        const int images = 2;
        var b = new QdqGraphBuilder(channels + size, unsigned);
        var x = b.Quantized(b.Input(channels, size, size));
        Value left = b.Quantized(b.Conv(x, channels, channels)), right = b.Quantized(isShared ? b.Graph.Add(new GlobalAveragePool(), x) : b.Conv(x, channels, channels), 3);
        var y = b.Graph.Add(isSum ? new Add() : (Op)new Mul(), left, right);
        if (size % 2 == 0) y = b.Graph.Add(new Relu(), y);
        b.Graph.AddOutput(b.Quantized(y, 5));
        var input = b.Data(new Shape(images, channels, size, size));
        using var reference = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = images, ReferenceOnly = true });
        using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = images, TimeTactics = false }, TestDevice.At(IsaLevel.Avx512Vnni));
        Assert.Equal("int8-binary-avx512", engine.Layers.Single(layer => layer.Spec.Kind == LayerKind.Binary).Tactic);
        using var expected = new GuardedRun(reference);
        using var got = new GuardedRun(engine);
        var want = expected.Run(input);
        Assert.Equal(want, got.Run(input));
        Assert.Equal(want, got.Run(input));
    }
}
