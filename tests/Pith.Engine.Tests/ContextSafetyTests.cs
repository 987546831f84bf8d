using System.Runtime.CompilerServices;
using Pith.Building;
using Pith.EngineTests.Int8;
using Pith.Ops;
using Pith.Runtime;
using Pith.Tactics;

namespace Pith.EngineTests;

/// <summary>What users may do wrong with contexts in safe code: it ends in an exception, never in a wrong result or in memory that is not there.</summary>
public sealed class ContextSafetyTests
{
    private const int Batch = 7;

    /// <summary>An INT8 network whose first layers run image by image, some of them with borders.</summary>
    private static Graph Network()
    {
        var b = new QdqGraphBuilder(5);
        var x = b.Quantized(b.Input(3, 12, 12));
        var y = b.Quantized(b.Graph.Add(new Relu(), b.Conv(x, 3, 16, 3, pad: 1)));
        var z = b.Quantized(b.Graph.Add(new Relu(), b.Conv(y, 16, 16, 3, pad: 1)));
        var pooled = b.Quantized(b.Graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 2, 1) }, z));
        var flat = b.Graph.Add(new Flatten(), b.Graph.Add(new GlobalAveragePool(), b.Quantized(b.Conv(pooled, 16, 16, 3, pad: 1))));
        b.Graph.AddOutput(b.Graph.AddNode(new Softmax { Axis = -1 }, [b.Gemm(b.Quantized(flat), 16, 7)], "softmax", ["y"]).Output);
        return b.Graph;
    }

    private static Engine Build(params string[] observed) => EngineBuilder.Build(Network(), new EngineOptions { MaxBatch = Batch, Threads = 3, TimeTactics = false, Observed = observed });

    private static Tensor<float> Data() => new QdqGraphBuilder(6).Data(new Shape(Batch, 3, 12, 12));

    private static float[] Answer(EngineContext context)
    {
        context.Run();
        return context.Output<float>("y").ToArray();
    }

    [Fact]
    public void An_observer_of_an_engine_that_was_built_without_values_to_observe_is_refused()
    {
        using var engine = Build();
        using var context = engine.CreateContext();
        Assert.Contains("Observed", Assert.Throws<PithException>(() => context.Observer = new Observer(() => { })).Message, StringComparison.Ordinal);
        context.Observer = null;
        Assert.False(engine.ObservesValues);
    }

    [Fact]
    public void Spans_outlive_their_context()
    {
        using var engine = Build();
        using (var probe = engine.CreateContext())
        {
            probe.SetInput("x", Data());
            probe.Run();
        }
        var (expected, disposed) = (Data().Data, engine.CreateContext());
        var input = disposed.Input<float>("x");
        disposed.SetInput("x", Data());
        disposed.Run();
        var output = disposed.Output<float>("y");
        var answer = output.ToArray();
        disposed.Dispose();
        var forgotten = OfForgottenContext(engine);
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            // Takes what was freed.
            _ = new byte[1 << 20];
            engine.CreateContext().Dispose();
        }
        Assert.Equal(expected, input.ToArray());
        Assert.Equal(answer, output.ToArray());
        Assert.Equal(answer, forgotten.ToArray());
        input.Clear();

        [MethodImpl(MethodImplOptions.NoInlining)]
        static ReadOnlySpan<float> OfForgottenContext(Engine engine)
        {
            var context = engine.CreateContext();
            context.SetInput("x", Data());
            context.Run();
            return context.Output<float>("y");
        }
    }

    [Fact]
    public async Task Whatever_is_asked_of_a_context_that_runs_on_another_thread_is_refused()
    {
        using var engine = Build();
        using var context = engine.CreateContext();
        context.SetInput("x", Data());
        var expected = Answer(context);
        using SemaphoreSlim entered = new(0), go = new(0);
        var last = engine.Built.Length - 1;
        engine.Built[last] = engine.Built[last] with
        {
            Runnable = new Hooked(engine.Built[last].Runnable, _ =>
            {
                entered.Release();
                go.Wait();
            }),
        };
        var run = Task.Run(() => context.Run(), TestContext.Current.CancellationToken);
        await entered.WaitAsync(TestContext.Current.CancellationToken);
        RequireRefusals(context);
        Assert.Throws<InvalidOperationException>(context.Dispose);
        go.Release();
        await run;
        Assert.Equal(expected, context.Output<float>("y").ToArray());
        context.Dispose();
        Assert.Throws<ObjectDisposedException>(context.Run);
        Assert.Throws<ObjectDisposedException>(() => context.Output<float>("y").Length);
    }

    [Fact]
    public void Whatever_an_observer_asks_of_the_context_that_it_observes_is_refused()
    {
        using var plain = Build();
        using var expected = plain.CreateContext();
        expected.SetInput("x", Data());
        using var engine = Build("x");
        using var context = engine.CreateContext();
        context.SetInput("x", Data());
        var calls = 0;
        context.Observer = new Observer(() =>
        {
            RequireRefusals(context);
            Assert.Throws<InvalidOperationException>(context.Dispose);
            calls++;
        });
        Assert.Equal(Answer(expected), Answer(context));
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Of_runs_at_the_same_time_each_is_right_or_refused()
    {
        using var engine = Build();
        using var context = engine.CreateContext(2);
        context.SetInput("x", Data());
        var expected = Answer(context);
        int done = 0, refused = 0;
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 300; i++)
            {
                try
                {
                    context.Run();
                    Interlocked.Increment(ref done);
                }
                catch (InvalidOperationException)
                {
                    Interlocked.Increment(ref refused);
                }
            }
        })));
        Assert.Equal(900, done + refused);
        Assert.True(done > 0);
        Assert.Equal(expected, Answer(context));
    }

    [Fact]
    public async Task Contexts_are_made_and_run_while_their_engine_is_disposed()
    {
        for (var trial = 0; trial < 20; trial++)
        {
            var engine = Build();
            var made = 0;
            var users = Enumerable.Range(0, 3).Select(_ => Task.Run(() =>
            {
                try
                {
                    while (true)
                    {
                        using var context = engine.CreateContext(2);
                        context.Run();
                        Interlocked.Increment(ref made);
                    }
                }
                catch (ObjectDisposedException)
                {
                    return;
                }
            })).ToArray();
            while (Volatile.Read(ref made) < 3) await Task.Delay(1, TestContext.Current.CancellationToken);
            engine.Dispose();
            await Task.WhenAll(users);
            RequireFreed(engine);
        }
    }

    [Theory]
    [InlineData(1, Batch)]
    [InlineData(2, Batch)]
    [InlineData(3, Batch)]
    [InlineData(3, 2)]
    public void After_a_layer_failed_the_next_run_is_right(int threads, int batch)
    {
        using var engine = Build();
        Assert.InRange(engine.Network.PerImage, 3, engine.Built.Length - 1);
        Assert.Contains(engine.Network.Slots, slot => !slot.Border.IsEmpty);
        var failing = -1;
        for (var i = 0; i < engine.Built.Length; i++)
        {
            var (built, layer) = (engine.Built[i], i);
            var hooked = new Hooked(built.Runnable is BorderedLayer ? Rebuilt(engine, i) : built.Runnable, _ => { if (layer == failing) throw new InvalidDataException($"layer {layer}"); });
            engine.Built[i] = built with { Runnable = built.Runnable is BorderedLayer ? new BorderedLayer(hooked, built.Layer.Output) : hooked };
        }
        using var context = engine.CreateContext(threads);
        context.SetInput("x", Data());
        var expected = Answer(context)[..(batch * 7)];
        for (var layer = 0; layer < engine.Built.Length; layer++)
        {
            failing = layer;
            Assert.Equal($"layer {layer}", Assert.Throws<InvalidDataException>(() => context.Run(batch)).Message);
            Assert.Equal($"layer {layer}", Assert.Throws<InvalidDataException>(() => context.Profile(batch)).Message);
            failing = -1;
            context.SetInput("x", Data());
            context.Run(batch);
            Assert.Equal(expected, context.Output<float>("y").ToArray());
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void The_first_image_that_fails_is_reported_whatever_the_number_of_threads(int threads)
    {
        using var engine = Build();
        var first = engine.Built[0];
        engine.Built[0] = first with
        {
            Runnable = new Hooked(first.Runnable, state =>
            {
                var image = SlotTensors.Floats(engine.Network.Inputs[0], state)[0];
                if (image is 2 or 3 or 5) throw new InvalidDataException($"image {image}");
            }),
        };
        using var context = engine.CreateContext(threads);
        var data = Data();
        for (var image = 0; image < Batch; image++) data.Span[image * 3 * 12 * 12] = image;
        context.SetInput("x", data);
        for (var trial = 0; trial < 20; trial++) Assert.Equal("image 2", Assert.Throws<InvalidDataException>(context.Run).Message);
    }

    [Fact]
    public void A_context_that_cannot_be_made_leaves_nothing_behind()
    {
        var engine = Build();
        if (OperatingSystem.IsLinux()) Assert.Throws<PithException>(() => engine.CreateContext(3, [0, 0, 1000]));
        Assert.Throws<PithException>(() => engine.CreateContext(1_000_000));
        Assert.Throws<ArgumentOutOfRangeException>(() => engine.CreateContext(-1));
        engine.Dispose();
        RequireFreed(engine);
    }

    [Fact]
    public void A_context_that_cannot_be_made_takes_nothing_from_others()
    {
        var engine = Build();
        using var other = engine.CreateContext(1);
        other.SetInput("x", Data());
        var expected = Answer(other);
        for (var i = 0; i < 3; i++) Refuse(engine);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        engine.Dispose();
        Assert.False(IsFreed(engine), "The engine's memory is freed while a context uses it.");
        Assert.Equal(expected, Answer(other));
        other.Dispose();
        RequireFreed(engine);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Refuse(Engine engine) => Assert.Throws<PithException>(() => engine.CreateContext(1_000_000));
    }

    [Fact]
    public void A_context_that_was_forgotten_lets_its_engine_go()
    {
        var engine = Build();
        Forget(engine);
        engine.Dispose();
        for (var i = 0; i < 100 && !IsFreed(engine); i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(5);
        }
        RequireFreed(engine);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static void Forget(Engine engine) => engine.CreateContext(2).Run();
    }

    [Fact]
    public void Layers_hold_the_code_and_weights_that_they_run()
    {
        var (layer, network, weights) = LayerOfForgottenEngine();
        for (var i = 0; i < 3; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.True(weights.TryGetTarget(out var owner));
        Assert.Same(owner, layer.Owner);
        Assert.NotEqual(0, network);

        [MethodImpl(MethodImplOptions.NoInlining)]
        static (RunnableLayer, int, WeakReference<EngineResources>) LayerOfForgottenEngine()
        {
            var engine = Build();
            return (engine.Built[^1].Runnable, engine.Built.Length, new(engine.Resources));
        }
    }

    // The layer as its tactic built it, without what writes the border.
    private static RunnableLayer Rebuilt(Engine engine, int layer) =>
        engine.Resources.Device.TacticsFor(engine.Built[layer].Layer).First(tactic => tactic.Name == engine.Built[layer].Info.Tactic).Build(engine.Built[layer].Layer, new BuildResources(engine.Resources, engine.Network.BatchOf(layer)));

    private static void RequireRefusals(EngineContext context)
    {
        Assert.Contains("one caller at a time", Assert.Throws<InvalidOperationException>(context.Run).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => context.Profile(1));
        Assert.Throws<InvalidOperationException>(() => context.Input<float>("x").Length);
        Assert.Throws<InvalidOperationException>(() => context.Output<float>("y").Length);
        Assert.Throws<InvalidOperationException>(() => context.OutputTensor("y"));
        Assert.Throws<InvalidOperationException>(() => context.SetInput("x", Data()));
    }

    private static void RequireFreed(Engine engine) => Assert.True(IsFreed(engine), "The engine's memory is still there.");

    private static unsafe bool IsFreed(Engine engine)
    {
        try
        {
            return engine.Resources.Allocate(1) == null;
        }
        catch (ObjectDisposedException)
        {
            return true;
        }
    }

    private sealed class Observer(Action see) : IValueObserver
    {
        public void Observe(in ObservedValue value) => see();
    }

    /// <summary>Does something before a layer runs.</summary>
    private sealed class Hooked(RunnableLayer inner, Action<RunState> before) : RunnableLayer
    {
        public override long ScratchBytes => inner.ScratchBytes;

        public override long SharedScratchBytes => inner.SharedScratchBytes;

        public override bool WritesBorder => inner.WritesBorder;

        public override void Run(RunState state)
        {
            before(state);
            inner.Run(state);
        }
    }
}
