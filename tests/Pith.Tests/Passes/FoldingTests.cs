using Pith.Ops;
using Pith.Passes;

namespace Pith.Tests.Passes;

/// <summary>Batch norm and constants per channel are folded into the layer before them where that keeps what is computed, and stay apart where it does not.</summary>
public class FoldingTests
{
    private const int Channels = 4;

    // What a factor, or a parameter of batch norm, may be.
    private static readonly float[] s_extremes = [1, -1, 0, -0.5f, 3, 1e-44f, -1e-44f, 1e-30f, 1e30f, -1e38f, float.NaN, float.PositiveInfinity];

    public enum Layer { Conv, GroupedConv, ConvTranspose, GroupedConvTranspose, Gemm, GemmTransB }

    public enum Weight { Float, IntegersPerTensor, IntegersPerChannel, FakeQuantized }

    public static TheoryData<Layer, Weight> Forms => new(from layer in Enum.GetValues<Layer>() from weight in Enum.GetValues<Weight>() select (layer, weight));

    [Theory]
    [MemberData(nameof(Forms))]
    public void Whatever_the_factors_are_simplifying_keeps_the_results(Layer layer, Weight weight)
    {
        for (var seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            var graph = new Graph("folding");
            var y = AddLayer(graph, random, layer, weight);
            graph.AddOutput(AddFollower(graph, random, y));
            RequireSameResults(graph, $"seed {seed}, {layer}, {weight}", random);
        }
    }

    [Theory]
    [InlineData(DataType.UInt8, 0, false)]
    [InlineData(DataType.UInt8, 128, true)]
    [InlineData(DataType.Int8, 0, true)]
    [InlineData(DataType.Int8, -128, false)]
    [InlineData(DataType.Int16, 0, true)]
    [InlineData(DataType.UInt16, 0, false)]
    [InlineData(DataType.UInt16, 32768, true)]
    public void A_negative_factor_is_folded_where_all_integers_have_a_counterpart(DataType type, int zeroPoint, bool folds)
    {
        foreach (var isFakeQuantized in new[] { false, true })
        {
            var (graph, zero) = (new Graph("signs"), Tensor.Scalar(zeroPoint).ConvertTo(type));
            var integers = Tensor.Create(new Shape(2, 2, 1, 1), [zeroPoint + 1, zeroPoint + 100, zeroPoint + 3, zeroPoint + 7]).ConvertTo(type);
            var scale = graph.AddConstant("scale", Tensor.Scalar(0.25f));
            var z = graph.AddConstant("zero", zero);
            var data = graph.AddConstant("weight", integers);
            var weight = isFakeQuantized
                ? graph.Add(new QuantizeLinear(), graph.AddConstant("real", new DequantizeLinear().Evaluate([integers, Tensor.Scalar(0.25f), zero], 1)[0]), scale, z)
                : data;
            var conv = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(2, 2, 3, 3)), graph.Add(new DequantizeLinear(), weight, scale, z));
            graph.AddOutput(graph.Add(new Mul(), conv, graph.AddConstant("factor", Tensor.Create(new Shape(1, 2, 1, 1), [2f, -0.5f]))));
            RequireSameResults(graph, $"{type}, zero point {zeroPoint}, fake quantized {isFakeQuantized}", new Random(1));
            PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
            Assert.Equal(folds, !graph.Nodes.Any(node => node.Op is Mul));
            if (!folds) continue;
            var dequantize = graph.Nodes.Single(node => node.Op is DequantizeLinear);
            Assert.Equal([0.5f, 0.125f], dequantize.Inputs[1]!.Constant!.As<float>().Data);
            var folded = WeightOperand.Evaluate(dequantize.Inputs[0]!)!.ConvertTo(DataType.Int32).As<int>().Data;
            Assert.Equal([1, 100, -3, -7], folded.Select(q => q - zeroPoint));
        }
    }

    [Fact]
    public void The_smallest_integer_cannot_change_its_sign()
    {
        var graph = new Graph("smallest");
        var integers = graph.AddConstant("weight", Tensor.Create(new Shape(2, 1, 1, 1), new sbyte[] { 5, -128 }));
        var conv = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(1, 1, 2, 2)), graph.Add(new DequantizeLinear(), integers, graph.AddConstant("scale", Tensor.Scalar(0.1f))));
        graph.AddOutput(graph.Add(new Mul(), conv, graph.AddConstant("factor", Tensor.Create(new Shape(2, 1, 1), [1f, -1f]))));
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        Assert.Contains(graph.Nodes, node => node.Op is Mul);
    }

    [Fact]
    public void A_weight_on_the_edge_between_two_steps_keeps_its_step()
    {
        // 0.5 steps round to 0; after both were multiplied by 1/3 and rounded, the ratio may be above 0.5.
        for (var factor = 0.1f; factor < 10; factor += 0.173f)
        {
            var (graph, random) = (new Graph("ties"), new Random(3));
            var scales = Tensor.Create(new Shape(8), Enumerable.Range(0, 8).Select(_ => 0.01f + random.NextSingle()).ToArray());
            var real = Tensor.Create(new Shape(8, 1, 1, 1), scales.Data.Select((scale, c) => (c + 0.5f) * scale).ToArray());
            var (scale, zero) = (graph.AddConstant("scale", scales), graph.AddConstant("zero", Tensor.Zeros<sbyte>(new Shape(8))));
            var quantized = graph.Add(new QuantizeLinear { Axis = 0 }, graph.AddConstant("real", real), scale, zero);
            var conv = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(1, 1, 2, 2)), graph.Add(new DequantizeLinear { Axis = 0 }, quantized, scale, zero));
            graph.AddOutput(graph.Add(new Mul(), conv, graph.AddConstant("factor", Tensor.Scalar(-factor))));
            var before = WeightOperand.Evaluate(quantized)!.As<sbyte>().Data;
            PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
            Assert.DoesNotContain(graph.Nodes, node => node.Op is Mul);
            Assert.Equal(before.Select(q => -q), WeightOperand.Evaluate(graph.Nodes.Single(node => node.Op is QuantizeLinear).Output)!.As<sbyte>().Data.Select(q => (int)q));
        }
    }

    [Fact]
    public void A_channel_that_vanishes_beside_its_bias_is_folded_all_the_same()
    {
        var graph = new Graph("dead channel");
        var conv = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(1, 1, 2, 2)), graph.AddConstant("weight", Tensor.Create(new Shape(2, 1, 1, 1), [1e-20f, 1f])));
        graph.AddOutput(graph.Add(
            new BatchNormalization(), conv, graph.AddConstant("gamma", Tensor.Vector(1e-24f, 1f)), graph.AddConstant("beta", Tensor.Vector(0.25f, 1f)),
            graph.AddConstant("mean", Tensor.Vector(0f, 0f)), graph.AddConstant("variance", Tensor.Vector(1f, 1f))));
        PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
        Assert.Equal(["Conv"], graph.Nodes.Select(node => node.Op.Schema.Name));
    }

    [Theory]
    [InlineData(1e-5f, -1f, 1f)]
    [InlineData(0f, 0f, 1f)]
    [InlineData(1e-5f, 1f, float.NaN)]
    [InlineData(1e-5f, 1f, float.PositiveInfinity)]
    public void Batch_norm_that_divides_by_zero_or_is_not_a_number_gives_what_it_says(float epsilon, float variance, float gamma)
    {
        var graph = new Graph("bn");
        var conv = graph.Add(new Conv(), graph.AddInput("x", TensorType.Float32(1, 2, 2, 2)), graph.AddConstant("weight", Tensor.Create(new Shape(2, 2, 1, 1), [1f, 2, 3, 4])));
        graph.AddOutput(graph.Add(
            new BatchNormalization { Epsilon = epsilon }, conv, graph.AddConstant("gamma", Tensor.Vector(gamma, 1f)), graph.AddConstant("beta", Tensor.Vector(0f, 1f)),
            graph.AddConstant("mean", Tensor.Vector(0f, 0f)), graph.AddConstant("variance", Tensor.Vector(variance, 1f))));
        RequireSameResults(graph, "batch norm", new Random(2));
    }

    private static Value AddLayer(Graph graph, Random random, Layer layer, Weight weight)
    {
        var isGemm = layer is Layer.Gemm or Layer.GemmTransB;
        var groups = layer is Layer.GroupedConv or Layer.GroupedConvTranspose ? 2 : 1;
        var x = graph.AddInput("x", isGemm ? TensorType.Float32(3, Channels) : TensorType.Float32(2, Channels, 3, 3));
        var axis = layer is Layer.ConvTranspose or Layer.GroupedConvTranspose or Layer.Gemm ? 1 : 0;
        var shape = isGemm ? new Shape(Channels, Channels) : new Shape(Channels, Channels / groups, 1, 2);
        var w = AddWeight(graph, random, weight, shape, axis);
        Op op = layer switch
        {
            Layer.Conv or Layer.GroupedConv => new Conv { Groups = groups },
            Layer.ConvTranspose or Layer.GroupedConvTranspose => new ConvTranspose { Groups = groups },
            _ => new Gemm { TransB = layer == Layer.GemmTransB, Alpha = random.Next(2) == 0 ? 1 : 0.5f, Beta = random.Next(3) == 0 ? 2 : 1 },
        };
        return random.Next(2) == 0 ? graph.Add(op, x, w) : graph.Add(op, x, w, graph.AddConstant("bias", Vector(random, Channels)));
    }

    private static Value AddWeight(Graph graph, Random random, Weight kind, Shape shape, int axis)
    {
        var real = Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => random.NextSingle() * 4 - 2).ToArray());
        if (kind == Weight.Float) return graph.AddConstant("weight", real);
        var type = new[] { DataType.Int8, DataType.UInt8, DataType.Int16 }[random.Next(3)];
        var parameters = kind == Weight.IntegersPerTensor || kind == Weight.FakeQuantized && random.Next(2) == 0 ? new Shape() : new Shape(shape[axis]);
        var scales = Tensor.Create(parameters, Enumerable.Range(0, parameters.Length).Select(_ => 0.01f + random.NextSingle() * 0.1f).ToArray());
        var zeros = Tensor.Create(parameters, Enumerable.Range(0, parameters.Length).Select(_ => type == DataType.UInt8 ? random.Next(2) * 128 : random.Next(-3, 3)).ToArray()).ConvertTo(type);
        var (scale, zero) = (graph.AddConstant("scale", scales), graph.AddConstant("zero", zeros));
        var quantize = new QuantizeLinear { Axis = axis };
        var quantized = kind == Weight.FakeQuantized
            ? graph.Add(quantize, graph.AddConstant("real", real), scale, zero)
            : graph.AddConstant("integers", quantize.Evaluate([real, scales, zeros], 1)[0]);
        return graph.Add(new DequantizeLinear { Axis = axis }, quantized, scale, zero);
    }

    private static Value AddFollower(Graph graph, Random random, Value y)
    {
        // One channel in two is extreme.
        var factors = Vector(random, Channels);
        foreach (ref var factor in factors.Span)
            if (random.Next(2) == 0) factor = s_extremes[random.Next(s_extremes.Length)];
        if (random.Next(3) == 0)
        {
            var variance = Vector(random, Channels);
            foreach (ref var spread in variance.Span) spread = random.Next(8) == 0 ? -1 : random.Next(8) == 0 ? 0 : Math.Abs(spread);
            return graph.Add(
                new BatchNormalization { Epsilon = random.Next(3) == 0 ? 0 : 1e-5f }, y, graph.AddConstant("gamma", factors), graph.AddConstant("beta", Vector(random, Channels)),
                graph.AddConstant("mean", Vector(random, Channels)), graph.AddConstant("variance", variance));
        }
        var constant = graph.AddConstant("factor", y.Type.Rank == 2 ? factors : factors.Reshape(new Shape(Channels, 1, 1)));
        return random.Next(6) switch
        {
            0 => graph.Add(new Div(), y, constant),
            1 => graph.Add(new Add(), y, constant),
            2 => graph.Add(new Sub(), y, constant),
            3 => graph.Add(new Sub(), constant, y),
            4 => graph.Add(new Div(), constant, y),
            _ => graph.Add(new Mul(), constant, y),
        };
    }

    private static Tensor<float> Vector(Random random, int length) => Tensor.Create(new Shape(length), Enumerable.Range(0, length).Select(_ => random.NextSingle() * 2 - 1).ToArray());

    // With small and with large data: what vanishes beside ordinary numbers may not vanish beside large ones.
    private static void RequireSameResults(Graph graph, string repro, Random random)
    {
        var simplified = graph.Clone();
        PassRunner.RunToFixpoint(simplified, Pipelines.Simplify);
        foreach (var amplitude in new[] { 1f, 1e6f })
        {
            var shape = graph.Inputs[0].Type.ToShape();
            var x = Tensor.Create(shape, Enumerable.Range(0, shape.Length).Select(_ => (random.NextSingle() * 2 - 1) * amplitude).ToArray());
            var (expected, actual) = (GraphInterpreter.Run(graph, [x])[0].As<float>().Data, GraphInterpreter.Run(simplified, [x])[0].As<float>().Data);
            // Channels differ by many orders of magnitude: each is compared with its own largest result.
            var type = graph.Outputs[0].Type;
            var (channels, plane) = (type[1].Size, type.Dims.Skip(2).Aggregate(1, (size, dim) => size * dim.Size));
            var largest = expected.Select((value, i) => (Value: value, Channel: i / plane % channels)).Where(element => float.IsFinite(element.Value)).ToLookup(element => element.Channel, element => Math.Abs(element.Value));
            for (var i = 0; i < expected.Length; i++)
                Assert.True(
                    expected[i].Equals(actual[i]) || Math.Abs(expected[i] - actual[i]) <= 1e-5 * largest[i / plane % channels].Max(),
                    $"{repro}, data up to {amplitude}: element {i} expected {expected[i]:R}, got {actual[i]:R}\n{graph}\n{simplified}");
        }
    }
}
