using Pith.EngineTests.Int8;
using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Models;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Bf16;

/// <summary>What <see cref="EngineOptions.Bf16"/> changes in networks, and what it leaves alone.</summary>
public sealed class Bf16NetworkTests : IDisposable
{
    private static readonly EngineOptions s_fp32 = new() { MaxBatch = 2, TimeTactics = false }, s_bf16 = s_fp32 with { Bf16 = true };

    private readonly string _folder = Directory.CreateTempSubdirectory("pith-bf16-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("cifar-resnet20", 32)]
    [InlineData("resnet50", 64)]
    public void A_residual_network_keeps_its_results_to_the_precision_of_its_operands(string name, int resolution)
    {
        var graph = ModelCatalog.Find(name).Build(new ModelOptions { Resolution = resolution, Classes = 10 });
        var input = Noise(2, 3, resolution, resolution);
        foreach (var isa in Levels())
        {
            using var fp32 = EngineBuilder.Build(graph, s_fp32, TestDevice.At(isa));
            using var bf16 = EngineBuilder.Build(graph, s_bf16, TestDevice.At(isa));
            // 3x3 layers may be faster in float, by Winograd.
            Assert.Contains(Contractions(bf16), layer => layer.Precision == "bfloat16");
            var (want, got) = (Run(fp32, input), Run(bf16, input));
            // Each operand is off by at most 2^-9, at random, and errors of successive layers add up: some times 2^-9 of the results' size.
            var noise = Math.Sqrt(want.Zip(got, (a, b) => ((double)a - b) * (a - b)).Sum() / want.Sum(a => (double)a * a));
            Assert.InRange(noise, 1e-5, 8.0 / 512);
        }
    }

    [Fact]
    public void Without_the_option_layers_say_that_it_was_not_asked_for()
    {
        using var engine = EngineBuilder.Build(Small(), s_fp32);
        Assert.All(Contractions(engine), layer => Assert.Equal("float32", layer.Precision));
        Assert.All(Contractions(engine).SelectMany(Bf16Verdicts), verdict => Assert.Equal((false, "BF16 was not asked for"), (verdict.Accepted, verdict.Reason)));
    }

    [Fact]
    public void On_a_weaker_machine_the_option_changes_no_bit_and_the_reason_is_there()
    {
        var (graph, input) = (Small(), Noise(2, 16, 24, 24));
        (Device Device, string Reason)[] devices = [(TestDevice.At(IsaLevel.Portable), "needs AVX-512, AVX512-BF16"), (TestDevice.At(IsaLevel.Avx2), "needs AVX-512, AVX512-BF16"), (TestDevice.At(IsaLevel.Avx512Vnni.Without(CpuFeatures.Avx512Bf16)), TestDevice.Has(CpuFeatures.Avx512) ? "needs AVX512-BF16" : "needs AVX-512, AVX512-BF16")];
        foreach (var (device, reason) in devices)
        {
            using var fp32 = EngineBuilder.Build(graph, s_fp32, device);
            using var bf16 = EngineBuilder.Build(graph, s_bf16, device);
            Assert.All(Contractions(bf16), layer => Assert.Equal("float32", layer.Precision));
            Assert.All(Contractions(bf16), layer => Assert.Contains(Bf16Verdicts(layer), verdict => !verdict.Accepted && verdict.Reason == reason));
            Assert.Equal(Run(fp32, input), Run(bf16, input));
        }
    }

    [Fact]
    public void Tiles_without_bfloat16_leave_the_layers_to_vectors()
    {
        Levels();
        using var engine = EngineBuilder.Build(Small(), s_bf16, TestDevice.At(IsaLevel.Amx.Without(CpuFeatures.AmxBf16)));
        Assert.All(Contractions(engine), layer => Assert.StartsWith("bf16-avx512bf16:", layer.Tactic, StringComparison.Ordinal));
        Assert.Contains(Contractions(engine).SelectMany(Bf16Verdicts), verdict => verdict.Reason == "needs AMX-BF16");
    }

    [Fact]
    public void Int8_layers_and_grouped_convolutions_are_left_alone()
    {
        Levels();
        var b = new QdqGraphBuilder(5);
        var y = b.Quantized(b.Graph.Add(new Relu(), b.Conv(b.Quantized(b.Input(8, 10, 10)), 8, 16, 3, pad: 1)));
        var grouped = b.Graph.AddConstant("grouped", Noise(16, 4, 3, 3));
        b.Graph.AddOutput(b.Graph.Add(new Conv { Groups = 4 }, y, grouped));
        using var fp32 = EngineBuilder.Build(b.Graph, s_fp32);
        using var bf16 = EngineBuilder.Build(b.Graph, s_bf16);
        Assert.Equal(["int8", "float32"], Contractions(bf16).Select(layer => layer.Precision));
        Assert.Contains(Bf16Verdicts(Contractions(bf16)[1]), verdict => verdict.Reason == "is not for grouped convolutions");
        Assert.Equal(fp32.Layers.Select(layer => layer.Tactic), bf16.Layers.Select(layer => layer.Tactic));
        var input = Noise(2, 8, 10, 10);
        Assert.Equal(Run(fp32, input), Run(bf16, input));
    }

    [Fact]
    public void Both_precisions_are_timed()
    {
        Levels();
        using var engine = EngineBuilder.Build(Small(), s_bf16 with { TimeTactics = true });
        foreach (var layer in Contractions(engine))
            foreach (var precision in (string[])["bf16-", "fp32-"])
                Assert.Contains(layer.Verdicts, verdict => verdict.Tactic.StartsWith(precision, StringComparison.Ordinal) && verdict.Seconds > 0);
    }

    [Fact]
    public void A_plan_keeps_the_precision_of_its_layers_whatever_it_is_loaded_for()
    {
        Levels();
        var path = Path.Combine(_folder, "network.plan");
        var input = Noise(2, 16, 24, 24);
        using var engine = EngineBuilder.Build(Small(), s_bf16);
        Assert.Contains(engine.Layers, layer => layer.Precision == "bfloat16");
        engine.Save(path);
        foreach (var options in new[] { null, s_fp32 })
        {
            using var loaded = Engine.Load(path, options);
            Assert.Equal(engine.Layers.Select(layer => (layer.Spec, layer.Tactic, layer.Precision)), loaded.Layers.Select(layer => (layer.Spec, layer.Tactic, layer.Precision)));
            Assert.Equal(Run(engine, input), Run(loaded, input));
        }
        EngineBuilder.Build(Small(), s_fp32).Save(path);
        using (var plain = Engine.Load(path)) Assert.DoesNotContain(plain.Layers, layer => layer.Precision == "bfloat16");
        using var allowed = Engine.Load(path, s_bf16);
        Assert.Contains(allowed.Layers, layer => layer.Precision == "bfloat16");
    }

    [Fact]
    public void Specifications_say_whether_operands_may_be_rounded()
    {
        var spec = Contractions(EngineBuilder.Build(Small(), s_bf16))[0].Spec;
        Assert.EndsWith(" bf16", spec.ToString(), StringComparison.Ordinal);
        Assert.Equal(spec, LayerSpec.Parse(spec.ToString()));
        Assert.Equal(spec with { AllowsBf16 = false }, Contractions(EngineBuilder.Build(Small(), s_fp32))[0].Spec);
    }

    // A window, a point, a matrix product.
    private static Graph Small()
    {
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 16, 24, 24));
        var y = graph.Add(new Relu(), graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) }, x, graph.AddConstant("w", Noise(64, 16, 3, 3)), graph.AddConstant("b", Noise(64))));
        y = graph.Add(new Conv { Window = WindowAttributes.Uniform(1, 2) }, y, graph.AddConstant("point", Noise(128, 64, 1, 1)));
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, graph.Add(new Flatten(), y), graph.AddConstant("fc", Noise(100, 128 * 144)), graph.AddConstant("fc.b", Noise(100))));
        return graph;
    }

    private static CpuFeatures[] Levels()
    {
        if (!TestDevice.Has(CpuFeatures.Avx512Bf16)) Assert.Skip("This CPU has no AVX512-BF16.");
        return [IsaLevel.Avx512Vnni, IsaLevel.Amx];
    }

    private static LayerInfo[] Contractions(Engine engine) => [.. engine.Layers.Where(layer => layer.Spec.Kind is LayerKind.Conv or LayerKind.Gemm)];

    private static IEnumerable<TacticVerdict> Bf16Verdicts(LayerInfo layer) => layer.Verdicts.Where(verdict => verdict.Tactic.StartsWith("bf16-", StringComparison.Ordinal));

    private static float[] Run(Engine engine, Tensor<float> input)
    {
        using var context = engine.CreateContext();
        context.SetInput(engine.Inputs[0].Name, input);
        context.Run(input.Shape[0]);
        return context.Output<float>(engine.Outputs[0].Name).ToArray();
    }

    private static Tensor<float> Noise(params int[] dims)
    {
        var random = new Random(1);
        var noise = Tensor.Zeros<float>(new Shape(dims));
        foreach (ref var value in noise.Span) value = random.NextSingle() * 2 - 1;
        return noise;
    }
}
