using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests;

/// <summary>Pad with a constant that stays a layer: the bits of the op's own definition, of any type, in either layout.</summary>
public class ConstantPadTests
{
    public static TheoryData<string> Amounts => ["1,2,3,1,0,2,1,5", "0,0,2,1,0,0,0,3", "0,3,0,0,0,1,0,0", "0,0,-2,1,0,0,1,-3", "0,0,0,7,0,0,0,0", "0,-1,-4,-2,0,9,4,9", "0,0,0,0,0,0,0,0"];

    private static long[] Parsed(string amounts) => Array.ConvertAll(amounts.Split(','), long.Parse);

    [Theory]
    [MemberData(nameof(Amounts))]
    public void Of_every_type(string amounts)
    {
        foreach (var type in new[] { DataType.UInt8, DataType.Int8, DataType.Float16, DataType.Float32, DataType.Int64 })
        {
            var graph = new Graph("pad");
            var x = graph.AddInput("x", new TensorType(type, [Parsed(amounts)[0] == 0 ? Dim.Named("N") : 3, 5, 6, 7]));
            var number = graph.AddConstant("number", Tensor.Vector(3).ConvertTo(type).Reshape(new Shape()));
            graph.AddOutput(graph.Add(new Pad(), x, graph.AddConstant("amounts", Tensor.Vector(Parsed(amounts))), number));
            var data = Tensor.Zeros(type, new Shape(3, 5, 6, 7));
            new Random(2).NextBytes(data.Bytes);
            foreach (var threads in new[] { 1, 3 })
            {
                using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 3, TimeTactics = false }, TestDevice.At(Isa.Detected, threads));
                Assert.All(engine.Layers, layer => Assert.Null(layer.ReferenceReason));
                using var guarded = new GuardedRun(engine, threads);
                Assert.True(GraphInterpreter.Run(graph, [data])[0].Bytes.SequenceEqual(guarded.RunAll(data)[0].Bytes), $"{type} {amounts}, {threads} threads");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Amounts))]
    public void Between_convolutions(string amounts)
    {
        var pads = Parsed(amounts);
        if (pads[0] != 0) return;
        var graph = new Graph("pad");
        var random = new Random(9);
        Value Weight(int filters, int channels) => graph.AddConstant("w", Tensor.Create(new Shape(filters, channels, 1, 1), Enumerable.Range(0, filters * channels).Select(_ => random.Next(-3, 4) * 0.5f).ToArray()));
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4, 6, 7));
        var padded = graph.Add(new Pad(), graph.Add(new Conv(), x, Weight(5, 4)), graph.AddConstant("amounts", Tensor.Vector(pads)), graph.AddConstant("number", Tensor.Scalar(1.5f)));
        graph.AddOutput(graph.Add(new Conv(), padded, Weight(3, padded.Type[1].Size)));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, TimeTactics = false });
        Assert.All(engine.Layers, layer => Assert.Null(layer.ReferenceReason));
        using var context = engine.CreateContext();
        var data = Tensor.Create(new Shape(2, 4, 6, 7), Enumerable.Range(0, 336).Select(_ => random.Next(-8, 9) * 0.5f).ToArray());
        context.SetInput("x", data);
        context.Run(2);
        Assert.Equal(GraphInterpreter.Run(graph, [data])[0].As<float>().Data, context.Output<float>(engine.Outputs[0].Name).ToArray());
    }

    [Theory]
    [InlineData(9, 5)]
    [InlineData(3, 3)] // rows of few pixels of four bytes
    [InlineData(1, 2)]
    public void Of_bytes_between_their_pairs(int channels, int width)
    {
        var graph = new Graph("pad");
        var (scale, zero) = (graph.AddConstant("s", Tensor.Scalar(0.5f)), graph.AddConstant("z", Tensor.Scalar((sbyte)-7)));
        Value Pair(Value value) => graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), value, scale, zero), scale, zero);
        var x = graph.AddInput("x", TensorType.Float32(Dim.Named("N"), channels, 4, width));
        var padded = graph.Add(new Pad(), Pair(x), graph.AddConstant("amounts", Tensor.Vector<long>(0, 0, 1, 2, 0, 0, 0, 2)), graph.AddConstant("number", Tensor.Scalar(2.5f)));
        graph.AddOutput(graph.Add(new Relu(), Pair(padded)));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, TimeTactics = false });
        Assert.Contains(engine.Layers, layer => layer is { Tactic: "indexed-copy", Precision: "int8" });
        using var context = engine.CreateContext();
        var data = Tensor.Create(new Shape(2, channels, 4, width), Enumerable.Range(0, 8 * channels * width).Select(i => (i * 7 % 83 - 41) * 0.3f).ToArray());
        context.SetInput("x", data);
        context.Run(2);
        Assert.Equal(GraphInterpreter.Run(graph, [data])[0].As<float>().Data, context.Output<float>(engine.Outputs[0].Name).ToArray());
    }
}
