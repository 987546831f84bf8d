using Pith.Kernels.Simd;
using Pith.Ops;

namespace Pith.EngineTests;

/// <summary>Networks in half precision run on the float kernels; what the caller sees stays half precision.</summary>
public class HalfPrecisionTests
{
    // 11 significant bits.
    private const float Tolerance = 1f / 1024;

    private static Graph Network(bool castsAtTheEnds)
    {
        var graph = new Graph("half");
        var random = new Random(8);
        Value Constant(params int[] dims) => graph.AddConstant("w", Tensor.Create(new Shape(dims), Enumerable.Range(0, dims.Aggregate(1, (a, b) => a * b)).Select(_ => (Half)(random.NextSingle() - 0.5f)).ToArray()));
        var x = graph.AddInput("x", castsAtTheEnds ? TensorType.Float32(Dim.Named("N"), 3, 12, 12) : new TensorType(DataType.Float16, [Dim.Named("N"), 3, 12, 12]));
        var value = castsAtTheEnds ? graph.Add(new Cast(DataType.Float16), x) : x;
        value = graph.Add(new Relu(), graph.Add(new Conv { Window = WindowAttributes.Uniform(3, 2, 1) with { KernelShape = [] } }, value, Constant(8, 3, 3, 3), Constant(8)));
        value = graph.Add(new Add(), value, graph.Add(new Conv { Groups = 8, Window = WindowAttributes.Uniform(3, 1, 1) with { KernelShape = [] } }, value, Constant(8, 1, 3, 3)));
        value = graph.Add(new Flatten(), graph.Add(new GlobalAveragePool(), value));
        value = graph.Add(new Gemm { TransB = true }, value, Constant(5, 8), Constant(5));
        graph.AddOutput(castsAtTheEnds ? graph.Add(new Cast(DataType.Float32), value) : value);
        return graph;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_network_is_computed_by_kernels_and_agrees_with_the_interpreter(bool castsAtTheEnds)
    {
        var graph = Network(castsAtTheEnds);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 4, Threads = 2, TimeTactics = false });
        Assert.All(engine.Layers, layer => Assert.Null(layer.ReferenceReason));
        Assert.Equal(graph.Inputs[0].Type.DataType, engine.Inputs[0].Type.DataType);
        Assert.Equal((graph.Outputs[0].Name, graph.Outputs[0].Type.DataType), (engine.Outputs[0].Name, engine.Outputs[0].Type.DataType));
        using var context = engine.CreateContext();
        var random = new Random(5);
        foreach (var batch in new[] { 4, 1 })
        {
            var image = Tensor.Create(new Shape(batch, 3, 12, 12), Enumerable.Range(0, batch * 432).Select(_ => (Half)(random.NextSingle() * 2 - 1)).ToArray()).ConvertTo(graph.Inputs[0].Type.DataType);
            context.SetInput("x", image);
            context.Run(batch);
            var want = GraphInterpreter.Run(graph, [image])[0].ConvertTo(DataType.Float32).As<float>().Data;
            var name = engine.Outputs[0].Name;
            var got = castsAtTheEnds ? context.Output<float>(name).ToArray() : Array.ConvertAll(context.Output<Half>(name).ToArray(), value => (float)value);
            var largest = want.Max(Math.Abs);
            for (var i = 0; i < want.Length; i++) Expect.That(Math.Abs(want[i] - got[i]) <= 2 * Tolerance * largest, $"batch {batch}, element {i}: expected {want[i]}, got {got[i]}");
        }
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void The_reference_and_what_runs_as_written_round_where_the_graph_does(bool referenceOnly, bool literal)
    {
        var graph = Network(castsAtTheEnds: false);
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, ReferenceOnly = referenceOnly, Literal = literal, TimeTactics = false });
        using var context = engine.CreateContext();
        var image = Tensor.Create(new Shape(2, 3, 12, 12), Enumerable.Range(0, 864).Select(i => (Half)(i % 17 * 0.1f)).ToArray());
        context.SetInput("x", image);
        context.Run(2);
        Assert.Equal(GraphInterpreter.Run(graph, [image])[0].As<Half>().Data, context.Output<Half>(engine.Outputs[0].Name).ToArray());
    }

    [Fact]
    public void A_value_in_half_precision_can_be_observed()
    {
        var graph = Network(castsAtTheEnds: true);
        var relu = graph.Nodes.First(node => node.Op is Relu).Output.Name;
        using var engine = EngineBuilder.Build(graph, new EngineOptions { Observed = [relu], TimeTactics = false });
        Assert.Contains(engine.Layers, layer => layer.Outputs.Contains(relu));
    }

    [Fact]
    public unsafe void Every_half_converts_as_the_runtime_converts_it()
    {
        var all = Enumerable.Range(0, 65536 + 3).Select(bits => (ushort)bits).ToArray();
        var (singles, back) = (new float[all.Length], new ushort[all.Length]);
        fixed (ushort* x = all, z = back)
        fixed (float* y = singles)
        {
            HalfConversion.ToSingle(x, y, all.Length);
            HalfConversion.ToHalf(y, z, all.Length);
        }
        for (var i = 0; i < all.Length; i++)
        {
            var half = BitConverter.UInt16BitsToHalf(all[i]);
            Expect.That(back[i] == all[i] && (Half.IsNaN(half) ? float.IsNaN(singles[i]) : BitConverter.SingleToInt32Bits((float)half) == BitConverter.SingleToInt32Bits(singles[i])), $"0x{all[i]:x4}");
        }
    }

    [Fact]
    public unsafe void Rounding_to_half_precision_is_to_the_nearest_ties_to_even()
    {
        var random = new Random(6);
        // Between neighbouring halves, on the middle and next to it, and anything else.
        var numbers = Enumerable.Range(0, 0x7c01).SelectMany(bits => new[] { 0x0fff, 0x1000, 0x1001 }.Select(rest => BitConverter.Int32BitsToSingle(((bits << 13) + 0x38000000 - (0x1c000 << 13) + rest) & int.MaxValue)))
            .Concat(Enumerable.Range(0, 20000).Select(_ => BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue))))
            .Concat(Enumerable.Range(0, 20000).Select(i => (i % 2 == 0 ? 1 : -1) * MathF.ScaleB(1 + random.NextSingle(), random.Next(-27, 18)))).ToArray();
        var got = new ushort[numbers.Length];
        fixed (float* x = numbers)
        fixed (ushort* y = got) HalfConversion.ToHalf(x, y, numbers.Length);
        for (var i = 0; i < got.Length; i++)
            Expect.That(float.IsNaN(numbers[i]) ? Half.IsNaN(BitConverter.UInt16BitsToHalf(got[i])) : BitConverter.HalfToUInt16Bits((Half)numbers[i]) == got[i], $"{numbers[i]:R}: 0x{got[i]:x4}");
    }
}
