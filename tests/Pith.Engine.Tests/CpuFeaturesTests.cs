using Pith.EngineTests.Int8;
using Pith.Kernels;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests;

/// <summary>CPUs that no cap makes of this one: what they lack is not used, and the results are the same.</summary>
public class CpuFeaturesTests
{
    [Fact]
    public void No_emitted_kernel_runs_on_another_architecture()
    {
        var engine = Build(new Cpu(CpuFeatures.Neon | CpuFeatures.DotProd, 2), out var run);
        Assert.All(engine.Layers, layer => Assert.Empty(layer.Kernels));
        Assert.Contains(engine.Layers, layer => layer.Spec.Kind == LayerKind.Conv && layer.ReferenceReason is null);
        var verdicts = engine.Layers.SelectMany(layer => layer.Verdicts).Where(verdict => verdict.Reason.StartsWith("needs ", StringComparison.Ordinal)).ToArray();
        Assert.Contains(verdicts, verdict => verdict.Reason == "needs AVX2");
        Assert.Contains(verdicts, verdict => verdict.Reason == "needs AVX-512, AVX512-VNNI");
        Assert.Equal(Reference(), run);
    }

    [Fact]
    public void Avx512_without_its_dot_product_runs_int8_as_avx2_does()
    {
        Assert.SkipUnless(TestDevice.Has(CpuFeatures.Avx512), "This CPU has no AVX-512.");
        var engine = Build(TestDevice.At(CpuFeatures.Avx2 | CpuFeatures.Avx512), out var run);
        Assert.Contains(engine.Layers, layer => layer.Spec.Kind == LayerKind.Conv && layer.Tactic.Contains("avx2", StringComparison.Ordinal));
        Assert.DoesNotContain(engine.Layers.SelectMany(layer => layer.Kernels), kernel => kernel.Contains("vnni", StringComparison.Ordinal));
        Assert.Equal(Reference(), run);
    }

    [Fact]
    public void Avx512_vnni_does_not_promise_its_vex_form()
    {
        Assert.SkipUnless(TestDevice.Has(CpuFeatures.Avx512Vnni), "This CPU has no AVX-512 VNNI.");
        var engine = Build(TestDevice.At(CpuFeatures.Avx2 | CpuFeatures.Avx512 | CpuFeatures.Avx512Vnni), out var run);
        Assert.Contains(engine.Layers, layer => layer.Tactic.Contains("avx512vnni", StringComparison.Ordinal));
        Assert.Contains(engine.Layers.SelectMany(layer => layer.Verdicts), verdict => verdict.Reason == "needs AVX-VNNI");
        Assert.Equal(Reference(), run);
    }

    private static Engine Build(Device device, out float[] run)
    {
        var engine = EngineBuilder.Build(Network(out _), new EngineOptions { MaxBatch = 2, TimeTactics = false }, device);
        run = Run(engine);
        return engine;
    }

    private static float[] Reference()
    {
        using var engine = EngineBuilder.Build(Network(out _), new EngineOptions { MaxBatch = 2, ReferenceOnly = true }, TestDevice.At(IsaLevel.Portable));
        return Run(engine);
    }

    private static float[] Run(Engine engine)
    {
        Network(out var input);
        using var context = engine.CreateContext();
        context.SetInput("x", input);
        context.Run();
        return context.Output<float>(engine.Outputs[0].Name).ToArray();
    }

    // Convolution, depthwise convolution, sum, pooling and matrix product, with INT8 operands.
    private static Graph Network(out Tensor<float> input)
    {
        var b = new QdqGraphBuilder(3, unsigned: true);
        var x = b.Quantized(b.Input(32, 14, 14));
        var y = b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, 32, 32, 3, WindowAttributes.Uniform(3, 1, 1))));
        var z = b.Quantized(b.Conv(y, 32, 32, 3, WindowAttributes.Uniform(3, 1, 1), 32));
        b.Graph.AddOutput(b.Quantized(b.Conv(b.Quantized(b.Graph.Add(new Add(), y, z)), 32, 24)));
        input = b.Data(new Shape(2, 32, 14, 14));
        return b.Graph;
    }
}
