using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>Whole small networks: the engine against its reference tactics bit for bit, and against the graph as written within one step.</summary>
public class Int8NetworkTests
{
    public static TheoryData<int, bool> Seeds() => new(from seed in Enumerable.Range(1, 12) from unsigned in new[] { false, true } select (seed, unsigned));

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Fast_tactics_give_the_bits_of_the_reference_for_any_thread_count_and_batch(int seed, bool unsigned)
    {
        var (graph, shape) = RandomNetwork(seed, unsigned);
        var x = new QdqGraphBuilder(seed).Data(shape);
        var expected = Run(graph, x, new EngineOptions { MaxBatch = 3, ReferenceOnly = true, Threads = 1 });
        foreach (var threads in new[] { 1, 2, 5 })
            foreach (var isa in TestDevice.Levels)
            {
                using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 4, TimeTactics = false }, TestDevice.At(isa, threads));
                Assert.True(expected.SequenceEqual(Run(engine, x)), $"seed {seed}, unsigned {unsigned}, {isa}, {threads} threads");
            }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Int8_layers_mean_what_the_graph_says(int seed, bool unsigned)
    {
        var (graph, shape) = RandomNetwork(seed, unsigned);
        var x = new QdqGraphBuilder(seed).Data(shape);
        var got = Run(graph, x, new EngineOptions { MaxBatch = 3, TimeTactics = false, Threads = 1 });
        var want = GraphInterpreter.Run(graph, [x])[0].As<float>().Data;
        // A value on the edge between two steps may fall the other way, which moves a few of the values that depend on it.
        var amax = want.Max(MathF.Abs);
        Assert.True(got.Zip(want).Average(pair => Math.Abs(pair.First - pair.Second)) < 0.002 * amax, $"seed {seed}, unsigned {unsigned}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_run_allocates_nothing(int threads)
    {
        var (graph, shape) = RandomNetwork(4, unsigned: false);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = shape[0], TimeTactics = false, Threads = threads });
        Assert.DoesNotContain(engine.Layers, layer => layer.Tactic == "reference");
        using var context = engine.CreateContext();
        for (var i = 0; i < 3; i++) context.Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++) context.Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public async Task Contexts_in_parallel_are_not_disturbed_by_each_other_or_by_garbage_collections()
    {
        // Vector and tile registers must survive that the runtime stops threads inside kernels.
        var (graph, shape) = RandomNetwork(9, unsigned: false);
        var x = new QdqGraphBuilder(9).Data(shape);
        foreach (var isa in TestDevice.Levels.TakeLast(2))
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = shape[0], TimeTactics = false }, TestDevice.At(isa, 2));
            var want = Run(engine, x);
            var runs = 0;
            using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            var collector = Task.Run(() =>
            {
                while (!stop.IsCancellationRequested) GC.Collect(2, GCCollectionMode.Forced, blocking: true);
            }, TestContext.Current.CancellationToken);
            var runners = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
            {
                using var context = engine.CreateContext();
                context.SetInput("x", x);
                do
                {
                    context.Run();
                    Assert.True(context.Output<float>(engine.Outputs[0].Name).SequenceEqual(want), $"{isa}: a run under stress differs.");
                    Interlocked.Increment(ref runs);
                }
                while (!stop.IsCancellationRequested);
            }, TestContext.Current.CancellationToken));
            await Task.WhenAll(runners.Append(collector));
            Assert.True(runs >= 4);
        }
    }

    [Fact]
    public void No_layer_touches_memory_outside_its_slots()
    {
        for (var seed = 1; seed <= 12; seed++)
        {
            var (graph, shape) = RandomNetwork(seed, unsigned: seed % 2 == 0);
            var x = new QdqGraphBuilder(seed).Data(shape);
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = shape[0], TimeTactics = false, Threads = 2 });
            using var guarded = new GuardedRun(engine);
            Assert.Equal(Run(engine, x), guarded.Run(x));
        }
    }

    private static float[] Run(Graph graph, Tensor x, EngineOptions options)
    {
        using var engine = EngineBuilder.Build(graph, options);
        return Run(engine, x);
    }

    private static float[] Run(Engine engine, Tensor x)
    {
        using var context = engine.CreateContext();
        context.SetInput("x", x);
        context.Run(x.Shape[0]);
        var first = context.Output<float>(engine.Outputs[0].Name).ToArray();
        context.Run(x.Shape[0]);
        Assert.Equal(first, context.Output<float>(engine.Outputs[0].Name).ToArray());
        return first;
    }

    private static (Graph Graph, Shape Input) RandomNetwork(int seed, bool unsigned)
    {
        var random = new Random(seed);
        var b = new QdqGraphBuilder(seed, unsigned);
        var (channels, size) = (random.Next(1, 20), random.Next(5, 12));
        var input = new Shape(3, channels, size, size);
        var x = b.Quantized(b.Input(channels, size, size));
        for (var layer = 0; layer < 5; layer++)
        {
            switch (random.Next(6))
            {
                case 0: // residual block
                    var branch = b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, channels, channels, 3, pad: 1)));
                    x = b.Quantized(b.Graph.Add(new Relu(), b.Graph.Add(new Add(), b.Conv(branch, channels, channels, 1), x)));
                    break;
                case 1: // depthwise, then pointwise
                    x = b.Quantized(b.Graph.Add(new HardSwish(), b.Conv(x, channels, channels, 3, pad: 1, groups: channels, stride: size > 6 ? 2 : 1)));
                    size = size > 6 ? (size + 1) / 2 : size;
                    x = Widen(b, x, random, ref channels);
                    break;
                case 2: // squeeze and excite
                    var gate = b.Quantized(b.Graph.Add(new GlobalAveragePool(), x));
                    gate = b.Quantized(b.Graph.Add(new Sigmoid(), b.Conv(gate, channels, channels)), 1);
                    x = b.Quantized(b.Graph.Add(new Mul(), x, gate));
                    break;
                case 3: // both branches quantized
                    x = b.Quantized(b.Graph.Add(new Add(), b.Quantized(b.Conv(x, channels, channels)), x));
                    break;
                case 4: // join of two scales
                    var left = b.Conv(x, channels, 4, 3, pad: 1);
                    x = b.Quantized(b.Graph.Add(new Concat(1), left, x));
                    channels += 4;
                    break;
                default:
                    x = b.Quantized(b.Graph.Add(new LeakyRelu(0.1f), b.Conv(x, channels, channels, 5, pad: 2, integerBias: false)));
                    x = Widen(b, x, random, ref channels);
                    break;
            }
        }
        var pooled = b.Graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 2, 1) }, x);
        var flat = b.Graph.Add(new Flatten(), b.Quantized(b.Graph.Add(new GlobalAveragePool(), pooled)));
        b.Graph.AddOutput(b.Gemm(b.Quantized(flat), channels, 10));
        return (b.Graph, input);
    }

    private static Value Widen(QdqGraphBuilder b, Value x, Random random, ref int channels)
    {
        var wider = random.Next(1, 40);
        var y = b.Quantized(b.Graph.Add(new Clip(), b.Conv(x, channels, wider), b.Graph.AddConstant("low", Tensor.Scalar(0f)), b.Graph.AddConstant("high", Tensor.Scalar(3f))));
        channels = wider;
        return y;
    }
}
