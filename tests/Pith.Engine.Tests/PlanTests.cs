using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Pith.EngineTests.Int8;
using Pith.Ops;

namespace Pith.EngineTests;

public sealed class PlanTests : IDisposable
{
    private const int HeaderBytes = 96;

    private readonly string _folder = Directory.CreateTempSubdirectory("pith-plan-").FullName;

    private string PlanPath => Path.Combine(_folder, "network.plan");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static Graph Network(bool prunes = false)
    {
        var b = new QdqGraphBuilder(3) { Shared = prunes ? 1 : 0 };
        var x = b.Quantized(b.Input(5, 8, 8));
        var y = b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, 5, 24, 3, stride: 2, pad: 1)));
        y = b.Quantized(b.Graph.Add(new Relu(), b.Conv(y, 24, 24, 3, pad: 1)));
        var z = b.Quantized(b.Graph.Add(new HardSwish(), b.Conv(y, 24, 24, 3, pad: 1, groups: 24)));
        var flat = b.Graph.Add(new Flatten(), b.Graph.Add(new GlobalAveragePool(), z));
        b.Graph.AddOutput(b.Graph.AddNode(new Softmax { Axis = -1 }, [b.Gemm(b.Quantized(flat), 24, 7)], "softmax", ["probabilities"]).Output);
        b.Graph.Metadata["pith.classes"] = "7";
        return b.Graph;
    }

    private static float[] Run(Engine engine)
    {
        using var context = engine.CreateContext(2);
        var random = new Random(1);
        foreach (ref var value in context.Input<float>("x")) value = random.NextSingle() * 8 - 4;
        context.Run();
        return context.Output<float>("probabilities").ToArray();
    }

    [Fact]
    public void A_loaded_plan_gives_the_same_bits_with_the_same_tactics()
    {
        using var engine = EngineBuilder.Build(Network(), new EngineOptions { MaxBatch = 2, Threads = 2 });
        engine.Save(PlanPath);
        using var loaded = Engine.Load(PlanPath);
        Assert.Equal(Run(engine), Run(loaded));
        Assert.Equal(engine.Layers.Select(layer => (layer.Spec, layer.Tactic)), loaded.Layers.Select(layer => (layer.Spec, layer.Tactic)));
        Assert.Equal(engine.Layers.SelectMany(Times), loaded.Layers.SelectMany(Times));
        Assert.Equal(2, loaded.MaxBatch);
        Assert.Equal("7", loaded.Metadata["pith.classes"]);
    }

    [Theory]
    [InlineData(DataType.Int8)]
    [InlineData(DataType.Float32)]
    public void Sparse_weights_are_compressed_in_plans_and_give_the_same_bits(DataType type)
    {
        var sizes = new List<long>();
        foreach (var prunes in new[] { false, true })
        {
            var graph = type == DataType.Int8 ? SparseInt8(prunes) : SparseFloat(prunes);
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, Threads = 2, TimeTactics = false });
            engine.Save(PlanPath);
            sizes.Add(BitConverter.ToInt64(File.ReadAllBytes(PlanPath), 24));
            using var loaded = Engine.Load(PlanPath);
            Assert.Equal(engine.Layers.Select(layer => (layer.Spec, layer.Tactic, layer.WeightBytes, layer.WeightSparsity)), loaded.Layers.Select(layer => (layer.Spec, layer.Tactic, layer.WeightBytes, layer.WeightSparsity)));
            Assert.Equal(Run(engine), Run(loaded));
        }
        // Two values and their places of each four: 2.5 of 4 bytes, 8.5 of 16.
        Assert.Equal(type == DataType.Int8 ? 0.625 : 0.53125, (double)sizes[1] / sizes[0], 1e-3);
    }

    private static Graph SparseInt8(bool prunes)
    {
        var b = new QdqGraphBuilder(4) { Shared = prunes ? 1 : 0 };
        var x = b.Quantized(b.Input(64, 6, 6));
        var y = b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, 64, 96, 3, pad: 1)));
        y = b.Quantized(b.Conv(y, 96, 96, 5, pad: 2, groups: 2, integerBias: false));
        var flat = b.Graph.Add(new Flatten(), b.Graph.Add(new GlobalAveragePool(), y));
        b.Graph.AddOutput(b.Graph.AddNode(new Softmax { Axis = -1 }, [b.MatMul(b.Quantized(flat), 96, 50)], "softmax", ["probabilities"]).Output);
        return b.Graph;
    }

    private static Graph SparseFloat(bool prunes)
    {
        var (graph, random) = (new Graph(), new Random(5));
        var x = graph.AddInput("x", TensorType.Float32([Dim.Named("N"), Dim.Of(32), Dim.Of(6), Dim.Of(6)]));
        Value Weight(params int[] dims)
        {
            var w = Tensor.Zeros<float>(new Shape(dims));
            var layout = ReductionLayout.Of(w.Shape, 1);
            foreach (ref var weight in w.Span) weight = random.NextSingle() - 0.5f;
            for (var quad = 0; prunes && quad < layout.QuadCount; quad++)
                for (var i = 0; i < 2; i++) w.Span[layout.QuadOffset(quad) + (quad + i * (1 + quad % 3)) % 4 * layout.Inner] = 0;
            return graph.AddConstant("w", w);
        }
        // Factors of both signs, which leave no zero negative.
        Value Channels(float first, float second) => graph.AddConstant("c", Tensor.Vector<float>([.. Enumerable.Range(0, 48).Select(c => c % 2 == 0 ? first : second)]));
        var y = graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, x, Weight(48, 32, 3, 3));
        y = graph.Add(new Relu(), graph.Add(new BatchNormalization(), y, Channels(1.5f, -0.7f), Channels(0, 1), Channels(0.1f, 0), Channels(1, 2)));
        var flat = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), y));
        graph.AddOutput(graph.AddNode(new Softmax { Axis = -1 }, [graph.Add(new Gemm { TransB = true }, flat, Weight(64, 48))], "softmax", ["probabilities"]).Output);
        return graph;
    }

    [Fact]
    public void The_choices_of_a_plan_are_kept_on_the_same_kind_of_machine_and_made_anew_on_another()
    {
        using var engine = EngineBuilder.Build(Network(), new EngineOptions { ReferenceOnly = true, Threads = 2 });
        engine.Save(PlanPath);
        var events = new Recorder();
        using var same = Engine.Load(PlanPath, null, events);
        Assert.Equal(engine.Layers.Select(layer => layer.Tactic), same.Layers.Select(layer => layer.Tactic));
        Assert.DoesNotContain(events.Seen, seen => seen is Warning);
        using var other = Engine.Load(PlanPath, new EngineOptions { Threads = 3 }, events);
        Assert.Contains(events.Seen, seen => seen is Warning noted && noted.Message.Contains("chosen anew", StringComparison.Ordinal));
        Assert.NotEqual(engine.Layers.Select(layer => layer.Tactic), other.Layers.Select(layer => layer.Tactic));
        Assert.Equal(Run(engine), Run(same));
    }

    [Fact]
    public void A_plan_keeps_its_range_of_batches_and_refuses_others()
    {
        var options = new EngineOptions { MinBatch = 2, OptBatch = 3, MaxBatch = 4, Threads = 2 };
        using var engine = EngineBuilder.Build(Network(), options);
        Assert.Contains(engine.Layers, layer => layer.Spec.Images == 3);
        engine.Save(PlanPath);
        using var loaded = Engine.Load(PlanPath);
        Assert.Equal((2, 4), (loaded.MinBatch, loaded.MaxBatch));
        Assert.Equal(engine.Layers.Select(layer => (layer.Spec, layer.Tactic)), loaded.Layers.Select(layer => (layer.Spec, layer.Tactic)));
        Assert.Equal(engine.Layers.SelectMany(Times), loaded.Layers.SelectMany(Times));
        using var context = loaded.CreateContext(1);
        context.Run(2);
        Assert.Contains("batches of 2 to 4, got 1", Assert.Throws<PithException>(() => context.Run(1)).Message);
        foreach (var wrong in new[] { options with { MinBatch = 5 }, options with { OptBatch = 5 }, options with { OptBatch = 1 }, options with { MinBatch = 0 } })
            Assert.Throws<PithException>(() => EngineBuilder.Build(Network(), wrong));
    }

    [Fact]
    public void Without_time_left_nothing_is_measured()
    {
        var events = new List<PithEvent>();
        using var engine = EngineBuilder.Build(Network(), new EngineOptions { Threads = 2, TuningBudget = TimeSpan.Zero }, new Sink(events));
        Assert.DoesNotContain(events, e => e is TacticTimed);
    }

    private static IEnumerable<double?> Times(LayerInfo layer) => layer.Verdicts.Select(verdict => verdict.Seconds);

    private sealed class Sink(List<PithEvent> events) : IProgress<PithEvent>
    {
        public void Report(PithEvent value) => events.Add(value);
    }

    [Fact]
    public void A_plan_that_is_cut_short_or_changed_anywhere_is_refused()
    {
        using (var engine = EngineBuilder.Build(Network(), new EngineOptions())) engine.Save(PlanPath);
        var bytes = File.ReadAllBytes(PlanPath);
        Assert.NotEqual(0, BitConverter.ToInt64(bytes, 24));
        var random = new Random(1);
        for (var trial = 0; trial < 200; trial++)
        {
            var damaged = bytes.ToArray();
            if (trial % 3 == 0) damaged = damaged[..random.Next(damaged.Length)];
            else damaged[trial % 3 == 1 ? random.Next(HeaderBytes) : random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            RequireRefused(damaged, trial);
        }
        RequireRefused([.. bytes, 0], -1);
    }

    [Fact]
    public void A_hostile_plan_with_a_right_checksum_ends_in_a_message_or_in_another_network()
    {
        var bytes = new[] { false, true }.Select(prunes =>
        {
            using (var engine = EngineBuilder.Build(Network(prunes), new EngineOptions())) engine.Save(PlanPath);
            return File.ReadAllBytes(PlanPath);
        }).ToArray();
        Assert.True(bytes[1].Length < bytes[0].Length);
        var random = new Random(2);
        for (var trial = 0; trial < 300; trial++)
        {
            var hostile = bytes[trial % 2].ToArray();
            for (var change = 0; change <= trial / 2 % 4; change++) hostile[random.Next(HeaderBytes, hostile.Length)] = (byte)random.Next(256);
            var weightsEnd = HeaderBytes + (int)BitConverter.ToInt64(hostile, 24);
            SHA256.HashData(hostile.AsSpan(weightsEnd), hostile.AsSpan(32));
            SHA256.HashData(hostile.AsSpan(HeaderBytes, weightsEnd - HeaderBytes), hostile.AsSpan(64));
            File.WriteAllBytes(PlanPath, hostile);
            try
            {
                using var engine = Engine.Load(PlanPath);
                if (engine.ActivationBytes < 64 << 20) engine.CreateContext(1).Dispose();
            }
            catch (PithException refused)
            {
                Assert.Contains("network.plan", refused.Message, StringComparison.Ordinal);
            }
        }
    }

    public static TheoryData<string, string> ImpossibleFields() => new()
    {
        { "threads", "-1" }, { "threads", "1025" }, { "threads", "1000000000" }, { "threads", "1e20" }, { "threads", "2.5" }, { "threads", "null" }, { "threads", "\"2\"" },
        { "maxBatch", "0" }, { "maxBatch", "-1" }, { "maxBatch", "1000000000" }, { "minBatch", "0" }, { "minBatch", "5" }, { "minBatch", "-2147483648" }, { "optBatch", "-1" }, { "optBatch", "5" },
        { "device", "null" }, { "device", "7" }, { "literal", "1" }, { "bf16", "null" }, { "observed", "null" }, { "observed", "[null]" }, { "observed", "[\"nowhere\"]" },
        { "layers", "null" }, { "layers", "{}" }, { "layers", "[1]" }, { "layers", "[{}]" },
        { "layers", """[{"name":"a","spec":"b","tactic":"c","reason":"d","timed":{"e":-1}}]""" }, { "layers", """[{"name":"a","spec":"b","tactic":"c","reason":"d","timed":{"e":1e999}}]""" },
        { "layers", """[{"name":"a","spec":null,"tactic":"c","reason":"d","timed":{}}]""" },
    };

    [Theory]
    [MemberData(nameof(ImpossibleFields))]
    public void Impossible_numbers_and_texts_of_a_manifest_are_refused(string field, string value)
    {
        using (var engine = EngineBuilder.Build(Network(), new EngineOptions { MaxBatch = 4, Threads = 2, TimeTactics = false })) engine.Save(PlanPath);
        ChangeManifest(manifest => manifest[field] = JsonNode.Parse(value));
        var refused = Assert.Throws<PithException>(() => Engine.Load(PlanPath));
        Assert.Contains("network.plan", refused.Message, StringComparison.Ordinal);
        ChangeManifest(manifest => manifest.Remove(field));
        Assert.Throws<PithException>(() => Engine.Load(PlanPath));
    }

    [Fact]
    public void Choices_of_a_plan_that_are_not_for_their_layer_change_no_result()
    {
        using var engine = EngineBuilder.Build(Network(), new EngineOptions { MaxBatch = 2, Threads = 2, TimeTactics = false });
        engine.Save(PlanPath);
        var bytes = File.ReadAllBytes(PlanPath);
        var tactics = engine.Layers.SelectMany(layer => layer.Verdicts).Select(verdict => verdict.Tactic).Concat(["", "reference", "int8-avx512vnni:1000000", "../../x"]).Distinct().ToArray();
        var random = new Random(3);
        for (var trial = 0; trial < 60; trial++)
        {
            File.WriteAllBytes(PlanPath, bytes);
            ChangeManifest(manifest =>
            {
                foreach (var layer in manifest["layers"]!.AsArray())
                {
                    if (random.Next(2) == 0) layer!["tactic"] = tactics[random.Next(tactics.Length)];
                    if (random.Next(8) == 0) layer!["spec"] = engine.Layers[random.Next(engine.Layers.Count)].Spec.ToString();
                    if (random.Next(8) == 0) layer!["name"] = engine.Layers[random.Next(engine.Layers.Count)].Name;
                }
            });
            using var loaded = Engine.Load(PlanPath);
            // Softmax in floats may end in another last bit.
            Assert.All(Run(engine).Zip(Run(loaded)), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));
        }
    }

    // Writes the plan with another manifest and a right checksum.
    private void ChangeManifest(Action<JsonObject> change)
    {
        var bytes = File.ReadAllBytes(PlanPath);
        var manifestAt = bytes.Length - BitConverter.ToInt32(bytes, 12);
        var manifest = JsonNode.Parse(bytes.AsSpan(manifestAt))!.AsObject();
        change(manifest);
        bytes = [.. bytes[..manifestAt], .. Encoding.UTF8.GetBytes(manifest.ToJsonString())];
        BitConverter.TryWriteBytes(bytes.AsSpan(12), bytes.Length - manifestAt);
        SHA256.HashData(bytes.AsSpan(HeaderBytes + (int)BitConverter.ToInt64(bytes, 24)), bytes.AsSpan(32));
        File.WriteAllBytes(PlanPath, bytes);
    }

    [Fact]
    public void Options_that_a_plan_is_loaded_with_are_checked_like_those_of_a_build()
    {
        using (var engine = EngineBuilder.Build(Network(), new EngineOptions { TimeTactics = false })) engine.Save(PlanPath);
        foreach (var wrong in new[] { new EngineOptions { MinBatch = 2 }, new EngineOptions { Threads = -1 }, new EngineOptions { Threads = 1025 }, new EngineOptions { OptBatch = 2 }, new EngineOptions { MaxBatch = 0 } })
        {
            Assert.Throws<PithException>(() => Engine.Load(PlanPath, wrong));
            Assert.Throws<PithException>(() => EngineBuilder.Build(Network(), wrong));
        }
        Assert.Throws<PithException>(() => Engine.Load(PlanPath, new EngineOptions { MaxBatch = 1 << 30 }));
    }

    [Fact]
    public void A_timing_cache_survives_the_disk_and_saves_measuring()
    {
        var path = Path.Combine(_folder, "timing.json");
        var cache = new TimingCache();
        cache.Add("x64 int8-conv spec", 1.5e-6);
        cache.Save(path);
        Assert.Equal(1.5e-6, TimingCache.Load(path).Find("x64 int8-conv spec"));
        foreach (var bad in new[] { "", "{", "[]", "{\"format\":\"other\",\"seconds\":{}}", "{\"format\":\"pith-timing-cache-1\",\"seconds\":{\"a\":-1}}" })
        {
            File.WriteAllText(path, bad);
            Assert.Contains("timing", Assert.Throws<PithException>(() => TimingCache.Load(path)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_second_build_measures_nothing()
    {
        var cache = new TimingCache();
        var options = new EngineOptions { TimingCache = cache, Threads = 1 };
        var first = new Recorder();
        EngineBuilder.Build(Network(), options, first).Dispose();
        var second = new Recorder();
        EngineBuilder.Build(Network(), options, second).Dispose();
        Assert.Equal(cache.Count, first.Seen.OfType<TacticTimed>().Select(timed => (timed.Spec, timed.Tactic)).Distinct().Count());
        Assert.Empty(second.Seen.OfType<TacticTimed>());
        Assert.Equal(first.Seen.OfType<TacticChosen>(), second.Seen.OfType<TacticChosen>());
    }

    private void RequireRefused(byte[] bytes, int trial)
    {
        File.WriteAllBytes(PlanPath, bytes);
        try
        {
            Engine.Load(PlanPath).Dispose();
        }
        catch (PithException)
        {
            return;
        }
        Assert.Fail($"Trial {trial} was accepted.");
    }

    private sealed class Recorder : IProgress<PithEvent>
    {
        public List<PithEvent> Seen { get; } = [];

        public void Report(PithEvent value) => Seen.Add(value);
    }
}
