using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>Networks that begin with an 8-bit image and arithmetic on it: one layer, whose results are those of the graph as written, bit for bit.</summary>
public class PixelTableTests
{
    /// <summary>What is done to the image: its layout, and the nodes from it to a float [N, C, H, W].</summary>
    private sealed record Preparation(string Name, bool IsInterleaved, Func<Graph, Value, int, Value> Apply)
    {
        public override string ToString() => Name;
    }

    private static readonly Preparation[] s_preparations =
    [
        new("scalars", false, (graph, x, _) => Div(graph, Sub(graph, Div(graph, Float(graph, x), 255), 0.45f), 0.225f)),
        new("channels", false, (graph, x, c) => graph.Add(new Div(), graph.Add(new Sub(), Div(graph, Float(graph, x), 255), Channels(graph, 0.3f, 1, c, 1, 1)), Channels(graph, 0.2f, c, 1, 1))),
        new("constants on the left", false, (graph, x, c) => graph.Add(new Mul(), Channels(graph, 0.01f, 1, c, 1, 1), graph.Add(new Sub(), Scalar(graph, 127.5f), Float(graph, x)))),
        new("functions", false, (graph, x, c) => graph.Add(new Tanh(), graph.Add(new Clip(), graph.Add(new Max(), Div(graph, Float(graph, x), 60), Channels(graph, 0.3f, 1, c, 1, 1)), Scalar(graph, 0.5f), Scalar(graph, 1.5f)))),
        new("by way of int32", false, (graph, x, _) => Div(graph, graph.Add(new Cast(DataType.Float32), graph.Add(new Cast(DataType.Int32), x)), 100)),
        new("dequantized", false, (graph, x, c) => graph.Add(new Sub(), graph.Add(new DequantizeLinear(), x, Scalar(graph, 0.02f), graph.AddConstant("zero", Tensor.Scalar(7).ConvertTo(x.Type.DataType))), Channels(graph, 0.3f, 1, c, 1, 1))),
        new("turned first", true, (graph, x, c) => graph.Add(new Div(), Sub(graph, Float(graph, Turned(graph, x)), 120), Channels(graph, 50, 1, c, 1, 1))),
        new("turned last", true, (graph, x, c) => Turned(graph, graph.Add(new Div(), graph.Add(new Sub(), Float(graph, x), Channels(graph, 100, c)), Channels(graph, 50, 1, 1, 1, c)))),
        new("turned between", true, (graph, x, c) => graph.Add(new Mul(), Turned(graph, graph.Add(new Sub(), Float(graph, x), Channels(graph, 100, c))), Channels(graph, 0.02f, c, 1, 1))),
    ];

    public static TheoryData<string, int, int, int, int> Images() => new(
        from preparation in s_preparations
        from size in new[] { (1, 3, 7, 5), (2, 3, 9, 64), (3, 3, 40, 131), (2, 1, 6, 66), (1, 4, 5, 65), (2, 6, 3, 4), (1, 3, 1, 1) }
        select (preparation.Name, size.Item1, size.Item2, size.Item3, size.Item4));

    [Theory]
    [MemberData(nameof(Images))]
    public void Tables_give_the_bits_of_the_graph_as_written(string preparation, int batch, int channels, int height, int width)
    {
        foreach (var (from, to) in new[] { (DataType.UInt8, DataType.Int8), (DataType.UInt8, DataType.UInt8), (DataType.Int8, DataType.Int8) })
        {
            var (graph, x, prepared) = Prepared(preparation, from, batch, channels, height, width);
            var b = new QdqGraphBuilder(graph, 3, unsigned: to == DataType.UInt8);
            graph.AddOutput(b.Quantized(prepared, 2));
            var want = GraphInterpreter.Run(graph, [x])[0].As<float>().Data;
            foreach (var (engine, what) in Engines(graph, batch))
                using (engine)
                {
                    Assert.Equal(1, engine.Layers.Count(layer => layer.Spec.Kind == LayerKind.Table));
                    Assert.DoesNotContain(engine.Layers, layer => layer.Spec.Kind is LayerKind.Quantize or LayerKind.Op);
                    Assert.True(want.SequenceEqual(Run(engine, x)), $"{from} to {to}, {what}");
                }
        }
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void A_convolution_finds_its_border_around_the_image(string preparation, int batch, int channels, int height, int width)
    {
        foreach (var unsigned in new[] { false, true })
        {
            var (graph, x, prepared) = Prepared(preparation, DataType.UInt8, batch, channels, height, width);
            var b = new QdqGraphBuilder(graph, 4, unsigned);
            graph.AddOutput(b.Quantized(b.Conv(b.Quantized(prepared, 2), channels, 16, 3, pad: 1)));
            using var reference = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batch, ReferenceOnly = true, Threads = 1 });
            var want = Run(reference, x);
            foreach (var (engine, what) in Engines(graph, batch))
                using (engine)
                {
                    Assert.Equal(LayerKind.Conv, engine.Layers[1].Spec.Kind);
                    using var guarded = new GuardedRun(engine);
                    Assert.True(want.SequenceEqual(guarded.Run(x)), $"unsigned {unsigned}, {what}");
                }
        }
    }

    [Theory]
    [MemberData(nameof(Images))]
    public void Without_quantization_the_tables_hold_floats(string preparation, int batch, int channels, int height, int width)
    {
        var (graph, x, prepared) = Prepared(preparation, DataType.UInt8, batch, channels, height, width);
        graph.AddOutput(prepared);
        var want = GraphInterpreter.Run(graph, [x])[0].As<float>().Data;
        foreach (var options in new[] { new EngineOptions { MaxBatch = batch, TimeTactics = false }, new EngineOptions { MaxBatch = batch, Literal = true, TimeTactics = false } })
        {
            using var engine = EngineBuilder.Build(graph, options);
            Assert.Equal("fp32-pixel-table", engine.Layers[0].Tactic);
            using var guarded = new GuardedRun(engine);
            Assert.Equal(want, guarded.Run(x));
        }
    }

    [Fact]
    public void Float_convolutions_read_the_table_s_result_with_its_border()
    {
        var (graph, x, prepared) = Prepared("turned first", DataType.UInt8, 2, 3, 20, 18);
        var weights = new QdqGraphBuilder(6).Data(new Shape(8, 3, 3, 3), 1);
        graph.AddOutput(graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, prepared, graph.AddConstant("w", weights)));
        var want = GraphInterpreter.Run(graph, [x])[0].As<float>().Data;
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, TimeTactics = false });
        Assert.Equal([LayerKind.Table, LayerKind.Conv], engine.Layers.Take(2).Select(layer => layer.Spec.Kind));
        using var guarded = new GuardedRun(engine);
        foreach (var (expected, got) in want.Zip(guarded.Run(x))) Assert.Equal(expected, got, 1e-4f);
    }

    [Theory]
    [InlineData(DataType.UInt8, 3, false)]
    [InlineData(DataType.Int8, 3, false)]
    [InlineData(DataType.UInt8, 8, false)]
    [InlineData(DataType.UInt8, 3, true)]
    [InlineData(DataType.Int8, 8, true)]
    public void An_image_that_the_caller_quantized_is_only_turned(DataType type, int channels, bool interleaved)
    {
        var graph = new Graph("quantized");
        int[] sizes = interleaved ? [9, 67, channels] : [channels, 9, 67];
        var x = graph.AddInput("x", new TensorType(type, [Dim.Named("N"), .. sizes.Select(Dim.Of)]));
        var b = new QdqGraphBuilder(graph, 4);
        var real = graph.Add(new DequantizeLinear(), interleaved ? Turned(graph, x) : x, Scalar(graph, 0.02f), graph.AddConstant("zero", Tensor.Scalar(7).ConvertTo(type)));
        graph.AddOutput(b.Quantized(b.Conv(real, channels, 16, 3, pad: 1)));
        var image = Bytes(new Random(9), type, new Shape([2, .. sizes]));
        using var reference = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, ReferenceOnly = true, Threads = 1 });
        var want = Run(reference, image);
        foreach (var (engine, what) in Engines(graph, 2))
            using (engine)
            {
                Assert.Equal([LayerKind.Table, LayerKind.Conv], engine.Layers.Take(2).Select(layer => layer.Spec.Kind));
                using var guarded = new GuardedRun(engine);
                Assert.True(want.SequenceEqual(guarded.Run(image)), what);
            }
        // Against plain loops over the tensors as they are: no table in it.
        var literal = GraphInterpreter.Run(graph, [image])[0].As<float>().Data;
        Assert.True(want.Zip(literal).Average(pair => Math.Abs(pair.First - pair.Second)) < 0.002 * literal.Max(MathF.Abs));
    }

    [Fact]
    public void A_value_that_somebody_observes_ends_the_table()
    {
        var (graph, x, prepared) = Prepared("scalars", DataType.UInt8, 1, 3, 5, 6);
        graph.Rename(prepared, "seen");
        graph.AddOutput(new QdqGraphBuilder(graph, 5).Quantized(prepared, 2));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { Observed = ["seen"], TimeTactics = false });
        Assert.Equal([LayerKind.Table, LayerKind.Quantize], engine.Layers.Take(2).Select(layer => layer.Spec.Kind));
        Assert.Equal(DataType.Float32, engine.Layers[0].Spec.Output);
        Assert.Equal(GraphInterpreter.Run(graph, [x])[0].As<float>().Data, Run(engine, x));
    }

    [Fact]
    public void A_value_that_is_an_output_or_has_another_reader_ends_the_table()
    {
        var (graph, x, prepared) = Prepared("scalars", DataType.UInt8, 1, 3, 5, 6);
        graph.AddOutput(new QdqGraphBuilder(graph, 5).Quantized(prepared, 2));
        graph.AddOutput(prepared);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        Assert.Contains(engine.Layers, layer => layer.Spec is { Kind: LayerKind.Table, Output: DataType.Float32 });
        Assert.Contains(engine.Layers, layer => layer.Spec.Kind == LayerKind.Quantize);
        Assert.Equal(GraphInterpreter.Run(graph, [x])[0].As<float>().Data, Run(engine, x));
    }

    public static TheoryData<string> Others() => new("constants for each pixel", "constants along rows", "another input", "constants along two axes", "quantized for each channel");

    [Theory]
    [MemberData(nameof(Others))]
    public void What_no_table_for_a_channel_can_hold_stays_outside(string what)
    {
        var graph = new Graph("bytes");
        var random = new Random(8);
        var x = graph.AddInput("x", new TensorType(DataType.UInt8, [Dim.Of(1), Dim.Of(3), Dim.Of(4), Dim.Of(3)]));
        var real = Float(graph, x);
        var y = what switch
        {
            "constants for each pixel" => graph.Add(new Sub(), real, graph.AddConstant("c", Noise(random, new Shape(1, 3, 4, 3)))),
            // As long as there are channels, but along the width.
            "constants along rows" => graph.Add(new Sub(), real, graph.AddConstant("c", Noise(random, new Shape(3)))),
            "another input" => graph.Add(new Sub(), real, graph.AddInput("other", TensorType.Float32(Dim.Of(1), Dim.Of(3), Dim.Of(1), Dim.Of(1)))),
            "constants along two axes" => graph.Add(new Div(), graph.Add(new Sub(), real, graph.AddConstant("c", Noise(random, new Shape(3)))), Channels(graph, 2, 3, 1, 1)),
            _ => graph.Add(new QuantizeLinear { Axis = 1 }, real, Channels(graph, 0.5f, 3), graph.AddConstant("zero", Tensor.Zeros<sbyte>(new Shape(3)))),
        };
        graph.AddOutput(y.Type.DataType == DataType.Float32 ? new QdqGraphBuilder(graph, 5).Quantized(y, 200) : y);
        var image = Bytes(random, DataType.UInt8, new Shape(1, 3, 4, 3));
        Tensor[] inputs = what == "another input" ? [image, Noise(random, new Shape(1, 3, 1, 1))] : [image];
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        Assert.Equal(DataType.Float32, Assert.Single(engine.Layers, layer => layer.Spec.Kind == LayerKind.Table).Spec.Output);
        Assert.Contains(engine.Layers, layer => layer.Spec.Kind == LayerKind.Op);
        using var context = engine.CreateContext();
        for (var i = 0; i < inputs.Length; i++) context.SetInput(engine.Inputs[i].Name, inputs[i]);
        context.Run();
        Assert.True(GraphInterpreter.Run(graph, inputs)[0].Bytes.SequenceEqual(context.OutputTensor(engine.Outputs[0].Name).Bytes));
    }

    [Fact]
    public void Channels_that_grow_with_the_batch_have_no_tables()
    {
        var graph = new Graph("bytes");
        var x = graph.AddInput("x", new TensorType(DataType.UInt8, [Dim.Named("N"), Dim.Of(2), Dim.Of(4), Dim.Of(5)]));
        graph.AddOutput(Div(graph, Float(graph, graph.Add(new Transpose([1, 0, 2, 3]), x)), 3));
        var image = Bytes(new Random(8), DataType.UInt8, new Shape(3, 2, 4, 5));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 3, TimeTactics = false });
        Assert.DoesNotContain(engine.Layers, layer => layer.Spec.Kind == LayerKind.Table);
        using var context = engine.CreateContext();
        context.SetInput("x", image);
        context.Run(3);
        Assert.Equal(GraphInterpreter.Run(graph, [image])[0].As<float>().Data, context.Output<float>(engine.Outputs[0].Name).ToArray());
    }

    [Fact]
    public void A_run_from_bytes_allocates_nothing()
    {
        var (graph, x, prepared) = Prepared("turned last", DataType.UInt8, 2, 3, 20, 70);
        var b = new QdqGraphBuilder(graph, 4);
        graph.AddOutput(b.Quantized(b.Conv(b.Quantized(prepared, 2), 3, 16, 3, pad: 1)));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, TimeTactics = false, Threads = 2 });
        using var context = engine.CreateContext();
        context.SetInput("x", x);
        for (var i = 0; i < 3; i++) context.Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++) context.Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static IEnumerable<(Engine Engine, string What)> Engines(Graph graph, int batch)
    {
        yield return (EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batch, ReferenceOnly = true, Threads = 1 }), "reference");
        foreach (var isa in TestDevice.Levels)
            foreach (var threads in isa == Isa.Detected ? new[] { 1, 2, 5 } : [2])
                yield return (EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batch, TimeTactics = false }, TestDevice.At(isa, threads)), $"{isa}, {threads} threads");
    }

    private static (Graph Graph, Tensor Image, Value Prepared) Prepared(string name, DataType type, int batch, int channels, int height, int width)
    {
        var preparation = s_preparations.First(known => known.Name == name);
        int[] sizes = preparation.IsInterleaved ? [height, width, channels] : [channels, height, width];
        var graph = new Graph("bytes");
        var x = graph.AddInput("x", new TensorType(type, [Dim.Named("N"), .. sizes.Select(Dim.Of)]));
        return (graph, Bytes(new Random(7), type, new Shape([batch, .. sizes])), preparation.Apply(graph, x, channels));
    }

    private static float[] Run(Engine engine, Tensor x)
    {
        using var context = engine.CreateContext();
        context.SetInput("x", x);
        context.Run(x.Shape[0]);
        return context.Output<float>(engine.Outputs[0].Name).ToArray();
    }

    private static Tensor Bytes(Random random, DataType type, Shape shape)
    {
        var tensor = Tensor.Zeros(type, shape);
        random.NextBytes(tensor.Bytes);
        return tensor;
    }

    private static Tensor<float> Noise(Random random, Shape shape)
    {
        var tensor = Tensor.Zeros<float>(shape);
        foreach (ref var value in tensor.Span) value = random.NextSingle() * 100;
        return tensor;
    }

    private static Value Float(Graph graph, Value x) => graph.Add(new Cast(DataType.Float32), x);

    private static Value Turned(Graph graph, Value x) => graph.Add(new Transpose([0, 3, 1, 2]), x);

    private static Value Scalar(Graph graph, float value) => graph.AddConstant("c", Tensor.Scalar(value));

    private static Value Sub(Graph graph, Value x, float value) => graph.Add(new Sub(), x, Scalar(graph, value));

    private static Value Div(Graph graph, Value x, float value) => graph.Add(new Div(), x, Scalar(graph, value));

    // first, and a tenth more from channel to channel.
    private static Value Channels(Graph graph, float first, params int[] dims)
    {
        var tensor = Tensor.Zeros<float>(new Shape(dims));
        for (var i = 0; i < tensor.Length; i++) tensor.Span[i] = first * (1 + 0.1f * i);
        return graph.AddConstant("c", tensor);
    }
}
