using System.Runtime.InteropServices;
using System.Text.Json;

namespace Pith.Cli.Tests;

/// <summary>What <c>pith bench</c> reports and writes; never how fast anything is.</summary>
public sealed class BenchTests
{
    private static readonly string[] s_short = ["--duration", "0.01", "--warm-up", "0", "--iterations", "4", "--json"];

    [Fact]
    public void Percentiles_are_those_that_are_asked_for_in_ascending_order()
    {
        var json = Bench("cifar-resnet8", "--percentile", "99.9,50,75");
        Assert.Equal(["p50_ms", "p75_ms", "p99.9_ms"], json.EnumerateObject().Select(property => property.Name).Where(name => name.StartsWith('p') && name.EndsWith("_ms", StringComparison.Ordinal)));
        Assert.Equal(json.GetProperty("median_ms").GetDouble(), json.GetProperty("p50_ms").GetDouble());
        Assert.True(json.GetProperty("p75_ms").GetDouble() <= json.GetProperty("p99.9_ms").GetDouble());
        Assert.True(json.GetProperty("peak_resident_bytes").GetInt64() > 1 << 20);
        Assert.False(json.TryGetProperty("layers", out _));
    }

    [Fact]
    public void Streams_share_the_threads_and_every_stream_is_timed()
    {
        using var folder = new TemporaryFolder();
        var json = Bench("cifar-resnet8", "--streams", "2", "--threads", "4", "--batch", "3", "--export-times", folder.File("times.json"));
        Assert.Equal((2, 2, 3), (json.GetProperty("streams").GetInt32(), json.GetProperty("threads").GetInt32(), json.GetProperty("batch").GetInt32()));

        var engine = Assert.Single(Read(folder, "times.json").GetProperty("engines").EnumerateArray());
        var times = engine.GetProperty("times").EnumerateArray().ToArray();
        Assert.Equal(json.GetProperty("runs").GetInt32(), times.Length);
        Assert.Equal([0, 1], times.Select(time => time.GetProperty("stream").GetInt32()).Distinct().Order());
        Assert.All(times, time => Assert.True(time.GetProperty("latency_ms").GetDouble() > 0));
        Assert.Equal(json.GetProperty("min_ms").GetDouble(), times.Min(time => time.GetProperty("latency_ms").GetDouble()), 1e-9);
    }

    [Fact]
    public void Streams_take_turns_in_blocks_with_another_network()
    {
        var json = Bench("cifar-resnet8", "--against", "cifar-resnet8", "--streams", "2", "--threads", "2");
        var other = Assert.Single(json.GetProperty("others").EnumerateArray());
        Assert.Equal(2, other.GetProperty("streams").GetInt32());
        Assert.Equal(json.GetProperty("ratio").GetDouble(), other.GetProperty("ratio").GetProperty("median").GetDouble());
        // One network on one input.
        Assert.Equal(0, other.GetProperty("outputs").GetProperty("max_difference").GetDouble());
        Assert.Equal(1, other.GetProperty("outputs").GetProperty("same_top1").GetInt32());
    }

    [Fact]
    public void Bf16_is_allowed_by_one_option_and_kept_by_the_plan()
    {
        using var folder = new TemporaryFolder();
        var plan = folder.File("net.plan");
        var built = PithCommand.Run("build", "cifar-resnet8", "--bf16", "--no-timing", "-o", plan, "--json").Ends(0).Json;
        Assert.All(built.GetProperty("layers").EnumerateArray().Where(layer => layer.GetProperty("macs").GetInt64() > 0), layer => Assert.True(layer.GetProperty("spec").GetProperty("allows_bf16").GetBoolean()));
        Assert.Equal(Precisions(built), Precisions(PithCommand.Run("info", plan, "--json").Ends(0).Json));
        // Whether any is faster so depends on the machine, whether the plan keeps it does not.
        Assert.Equal(Precisions(built).Any(IsBf16), Precisions(Bench(plan, "--profile")).Any(IsBf16));
        PithCommand.Run("compare", "cifar-resnet8@engine", "cifar-resnet8@bf16", "--min-snr", "25").Ends(0);
        PithCommand.Run("eval", "cifar-resnet8", "--bf16", "--data", "procedural:count=32").Ends(0);
        PithCommand.Run("bench", "--layer", "conv f32>f32 n1 c64 h8 w8 k64 r3,3 stride1,1 pad1,1,1,1 bf16", "--duration", "0.01", "--warm-up", "0", "--iterations", "2").Ends(0);
    }

    [Fact]
    public void Layers_without_a_kernel_are_counted_and_named_with_the_reason()
    {
        using var folder = new TemporaryFolder();
        var graph = new Graph("slow");
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 3, 4, 4));
        var weight = graph.AddConstant("w", Tensor.Create(new Shape(2, 3, 1, 1), new float[] { 1, 2, 3, 4, 5, 6 }));
        var pads = graph.AddConstant("pads", Tensor.Vector<long>(0, 0, 1, 0, 0, 0, 0, 0));
        graph.AddOutput(graph.AddNode(new Ops.Cos(), [graph.Add(new Ops.Pad(), graph.Add(new Ops.Conv(), x, weight), pads)], "waves").Output);
        var (model, plan) = (folder.File("slow.onnx"), folder.File("slow.plan"));
        OnnxModel.Save(graph, model);
        PithCommand.Run("build", model, "--no-timing", "-o", plan).Ends(0);
        foreach (var file in new[] { model, plan })
        {
            Assert.Equal(1, PithCommand.Run("info", file, "--json").Ends(0).Json.GetProperty("reference_layers").GetInt32());
            Assert.Contains("waves: there is no kernel for Cos of f32", PithCommand.Run("info", file).Ends(0).Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        }
        var profile = Bench(model, "--profile", "--layer-info");
        Assert.Equal(1, profile.GetProperty("reference_layers").GetInt32());
        foreach (var layer in profile.GetProperty("layers").EnumerateArray())
        {
            var name = layer.GetProperty("name").GetString();
            Assert.Equal(name == "waves", layer.TryGetProperty("reference_reason", out var reason) && reason.ValueKind == JsonValueKind.String);
            // Only the convolution has weights; the amounts of Pad are none.
            Assert.Equal(name == "Conv", layer.TryGetProperty("sparsity", out var sparsity) && sparsity.ValueKind == JsonValueKind.String);
        }
    }

    private static bool IsBf16(string precision) => precision.EndsWith(" bfloat16", StringComparison.Ordinal);

    // A file may list nodes that do not depend on each other in another order.
    private static string[] Precisions(JsonElement json) => [.. json.GetProperty("layers").EnumerateArray().Select(layer => $"{layer.GetProperty("name")} {layer.GetProperty("precision")}").Order(StringComparer.Ordinal)];

    [Fact]
    public void Exported_files_hold_the_layers_whether_or_not_they_are_printed()
    {
        using var folder = new TemporaryFolder();
        var json = Bench("cifar-resnet8", "--export-profile", folder.File("profile.json"), "--export-layer-info", folder.File("layers.json"), "--timing-cache", folder.File("cache.json"));
        Assert.False(json.TryGetProperty("layers", out _));
        Assert.Equal(["cache.json", "layers.json", "profile.json"], folder.Files);

        var profile = Read(folder, "profile.json").GetProperty("layers").EnumerateArray().ToArray();
        Assert.Equal(1, profile.Sum(layer => layer.GetProperty("time_share").GetDouble()), 1e-9);
        Assert.All(profile.Where(layer => layer.GetProperty("macs").GetInt64() > 0), layer =>
        {
            Assert.Equal(layer.GetProperty("macs").GetInt64() / (1e-6 * layer.GetProperty("microseconds").GetDouble()), layer.GetProperty("macs_per_second").GetDouble(), 1);
            Assert.True(layer.GetProperty("peak_share").GetDouble() > 0);
        });

        var layers = Read(folder, "layers.json").GetProperty("layers").EnumerateArray().ToArray();
        Assert.Equal(layers.Select(layer => layer.GetProperty("name").GetString()), profile.Select(layer => layer.GetProperty("name").GetString()));
        Assert.All(layers, layer => Assert.NotEmpty(layer.GetProperty("verdicts").EnumerateArray()));
    }

    [Fact]
    public void The_timing_cache_is_read_and_written_back()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("quantize", "cifar-resnet8", "-o", folder.File("int8.onnx"), "--data", "procedural:count=8", "--samples", "8").Ends(0);
        Bench(folder.File("int8.onnx"), "--timing-cache", folder.File("cache.json"));
        var first = File.ReadAllText(folder.File("cache.json"));
        Bench(folder.File("int8.onnx"), "--timing-cache", folder.File("cache.json"));
        Assert.Equal(first, File.ReadAllText(folder.File("cache.json")));
    }

    [Fact]
    public void Printed_tables_name_the_engines_and_layers()
    {
        var text = PithCommand.Run("bench", "cifar-resnet8", "--duration", "0", "--profile", "--layer-info", "--quiet").Ends(0).Output;
        Assert.All(["median", "p99", "images/s", "of peak", "fp32-conv", "reference: "], expected => Assert.Contains(expected, text, StringComparison.Ordinal));
    }

    [Fact]
    public void A_layer_is_timed_by_each_tactic_that_accepts_it()
    {
        var json = PithCommand.Run(["bench", "--layer", "conv s8>s8 n2 c8 h6 w6 k16 r3,3 pad1,1,1,1 bias +s8 act:relu", .. s_short]).Ends(0).Json;
        Assert.Equal(2L * 6 * 6 * 16 * 8 * 9, json.GetProperty("macs").GetInt64());
        Assert.Equal("conv s8>s8 n2 c8 h6 w6 k16 g1 r3,3 stride1,1 pad1,1,1,1 bias +s8 act:clip(0,Infinity)", json.GetProperty("layer").GetString());
        var tactics = json.GetProperty("tactics").EnumerateArray().ToDictionary(tactic => tactic.GetProperty("tactic").GetString()!);
        Assert.True(tactics["int8-conv"].GetProperty("median_ms").GetDouble() > 0);
        Assert.True(tactics["reference"].GetProperty("runs").GetInt32() >= 1);
        Assert.NotEqual("", tactics["fp32-conv"].GetProperty("refused").GetString());
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("pool f32>f32 n1 c8 h4 w4")]
    [InlineData("conv s8>s8 n1 c8 h4 w4")]
    [InlineData("conv s8>s8 n1 c8 h4 w4 k9 g2")]
    [InlineData("conv s8>s8 n1 c8 h1 w1 k8 r3,3")]
    [InlineData("conv s16>s8 n1 c8 h4 w4 k8")]
    [InlineData("conv f32>s8 n1 c8 h4 w4 k8")]
    [InlineData("conv s8>f32 n1 c8 h4 w4 k8 bf16")]
    [InlineData("gemm s8>s8 n1 c8 k8 act:nosuch")]
    [InlineData("gemm s8>s8 n1 c999999999 k8")]
    public void A_layer_that_cannot_be_built_is_a_clear_error(string layer) => PithCommand.Run("bench", "--layer", layer).Refuses(1);

    [Fact]
    public void A_peer_that_cannot_be_loaded_is_a_clear_error()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("models", "cifar-resnet8", "-o", folder.File("net.onnx")).Ends(0);
        string[] command = ["bench", folder.File("net.onnx"), "--with", "onnxruntime", "--onnxruntime-library"];
        Assert.Contains("no ONNX Runtime library", PithCommand.Run([.. command, folder.File("missing.so")]).Refuses(1).Error, StringComparison.Ordinal);
        File.WriteAllText(folder.File("text.so"), "not a library");
        Assert.Contains("cannot be loaded", PithCommand.Run([.. command, folder.File("text.so")]).Refuses(1).Error, StringComparison.Ordinal);
        var another = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so");
        Assert.SkipUnless(File.Exists(another), "There is no library at hand that is not ONNX Runtime.");
        Assert.Contains("not ONNX Runtime", PithCommand.Run([.. command, another]).Refuses(1).Error, StringComparison.Ordinal);
    }

    private static JsonElement Bench(params string[] arguments) => PithCommand.Run(["bench", .. arguments, .. s_short]).Ends(0).Json;

    private static JsonElement Read(TemporaryFolder folder, string name) => JsonDocument.Parse(File.ReadAllBytes(folder.File(name))).RootElement;
}
