using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;
using Pith.Tactics;

namespace Pith.EngineTests.Int8;

/// <summary>Every INT8 contraction tactic over shapes around its tile edges, epilogues and instruction sets, against the plain loops, bit for bit.</summary>
public class Int8ContractionTests
{
    private static readonly int[] s_channels = [1, 3, 4, 5, 8, 9, 16, 31];
    private static readonly int[] s_sparseChannels = [4, 8, 12, 16, 20, 32, 36];
    private static readonly int[] s_outChannels = [1, 4, 7, 8, 15, 16, 17, 33, 40];
    private static readonly int[] s_sizes = [1, 2, 5, 6, 7, 11, 13];

    public static TheoryData<CpuFeatures> Levels() => [.. TestDevice.Levels];

    [Theory]
    [MemberData(nameof(Levels))]
    public void Convolutions_equal_the_loops(CpuFeatures isa) => Check(isa, 110, Convolution);

    [Theory]
    [MemberData(nameof(Levels))]
    public void Grouped_and_depthwise_convolutions_equal_the_loops(CpuFeatures isa) => Check(isa, 60, Grouped);

    [Theory]
    [MemberData(nameof(Levels))]
    public void Depthwise_convolutions_of_few_channels_equal_the_loops(CpuFeatures isa) => Check(isa, 40, FewChannels);

    [Theory]
    [MemberData(nameof(Levels))]
    public void Matrix_products_equal_the_loops(CpuFeatures isa) => Check(isa, 40, MatrixProduct);

    [Theory]
    [MemberData(nameof(Levels))]
    public void Convolutions_with_2_of_4_weights_equal_the_loops(CpuFeatures isa) => Check(isa, 60, (random, b) => Convolution(random, b, Pick(random, s_sparseChannels)), prunes: true);

    [Theory]
    [MemberData(nameof(Levels))]
    public void Grouped_convolutions_with_2_of_4_weights_equal_the_loops(CpuFeatures isa) => Check(isa, 40, (random, b) => Grouped(random, b, 4 * random.Next(1, 6), random.Next(1, 20)), prunes: true);

    [Theory]
    [MemberData(nameof(Levels))]
    public void Matrix_products_with_2_of_4_weights_equal_the_loops(CpuFeatures isa) => Check(isa, 60, (random, b) => MatrixProduct(random, b, 4 * random.Next(1, 70)), prunes: true);

    [Theory]
    [MemberData(nameof(Levels))]
    public void The_largest_numbers_do_not_saturate_on_the_way(CpuFeatures isa)
    {
        // 255 * -127 in every product: pairs leave 16 bits, and the sum is near the edge of 32.
        var graph = new Graph();
        var x = graph.AddInput("x", TensorType.Float32(1, 60_000));
        var (one, zero) = (graph.AddConstant("one", Tensor.Scalar(1f)), graph.AddConstant("zero", Tensor.Scalar((byte)0)));
        var q = graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), x, one, zero), one, zero);
        var w = Tensor.Zeros<sbyte>(new Shape(3, 60_000));
        w.Span.Fill(-127);
        graph.AddOutput(graph.Add(new Gemm { TransB = true }, q, graph.Add(new DequantizeLinear(), graph.AddConstant("w", w), one)));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false }, TestDevice.At(isa));
        using var context = engine.CreateContext();
        context.Input<float>("x").Fill(255);
        context.Run();
        Assert.All(context.Output<float>(engine.Outputs[0].Name).ToArray(), y => Assert.Equal(-127f * 255 * 60_000, y));
    }

    private static void Check(CpuFeatures isa, int cases, Func<Random, QdqGraphBuilder, (Value Output, Shape Input)> make, bool prunes = false)
    {
        for (var seed = 1; seed <= cases; seed++)
        {
            var random = new Random(seed);
            var b = new QdqGraphBuilder(seed, unsigned: seed % 3 == 0) { Shared = prunes ? 1 : 0 };
            var (output, shape) = make(random, b);
            b.Graph.AddOutput(output);
            var input = b.Data(shape);
            using var reference = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = shape[0], ReferenceOnly = true });
            using var engine = EngineBuilder.Build(b.Graph, new EngineOptions { MaxBatch = shape[0], TimeTactics = false }, TestDevice.At(isa));
            var layer = engine.Layers.Last(layer => layer.Spec.Kind is LayerKind.Conv or LayerKind.Gemm);
            Assert.NotEqual("reference", layer.Tactic);
            Assert.Equal(prunes, layer.Spec.Pattern is not null);
            using var expected = new GuardedRun(reference);
            using var got = new GuardedRun(engine);
            var want = expected.Run(input);
            Assert.True(want.AsSpan().SequenceEqual(got.Run(input)), $"seed {seed} {isa} {layer.Tactic}: {layer.Spec}");
            Assert.True(want.AsSpan().SequenceEqual(got.Run(input)), $"second run, seed {seed} {isa} {layer.Tactic}: {layer.Spec}");
        }
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];

    private static (Value, Shape) Convolution(Random random, QdqGraphBuilder b) => Convolution(random, b, Pick(random, s_channels));

    private static (Value, Shape) Convolution(Random random, QdqGraphBuilder b, int channels)
    {
        var (outChannels, height, width) = (Pick(random, s_outChannels), Pick(random, s_sizes), Pick(random, s_sizes));
        var (kernel, dilation) = (random.Next(1, 4), random.Next(1, 3));
        var padding = random.Next(3) == 0 ? 1 : 3;
        var pads = Enumerable.Range(0, 4).Select(_ => random.Next(padding)).ToArray();
        var extent = (kernel - 1) * dilation + 1;
        if (height + pads[0] + pads[2] < extent || width + pads[1] + pads[3] < extent) (kernel, dilation) = (1, 1);
        var window = new WindowAttributes { Strides = [random.Next(1, 4), random.Next(1, 3)], Dilations = [dilation, dilation], Pads = pads.ToValueList() };
        var input = new Shape(random.Next(1, 4), channels, height, width);
        var x = b.Quantized(b.Input(channels, height, width));
        return (b.WithEpilogue(random, epilogue => b.Conv(x, channels, outChannels, kernel, window, bias: epilogue != "no bias", integerBias: epilogue != "float bias")), input);
    }

    private static (Value, Shape) Grouped(Random random, QdqGraphBuilder b)
    {
        var (groupIn, groupOut) = random.Next(2) == 0 ? (1, 1) : (random.Next(1, 9), random.Next(1, 20));
        return Grouped(random, b, groupIn, groupOut);
    }

    private static (Value, Shape) Grouped(Random random, QdqGraphBuilder b, int groupIn, int groupOut)
    {
        var groups = Pick(random, [2, 3, 4, 8, 16, 40, 64]);
        var size = Pick(random, s_sizes);
        var kernel = Pick(random, [1, 3, 5]);
        var x = b.Quantized(b.Input(groups * groupIn, size, size));
        var window = WindowAttributes.Uniform(kernel, random.Next(1, 3), kernel / 2);
        return (b.WithEpilogue(random, epilogue => b.Conv(x, groups * groupIn, groups * groupOut, kernel, window, groups, epilogue != "no bias", epilogue != "float bias")), new Shape(random.Next(1, 3), groups * groupIn, size, size));
    }

    // Neighbouring pixels fill a vector together where the width allows it.
    private static (Value, Shape) FewChannels(Random random, QdqGraphBuilder b)
    {
        var (channels, height, width, kernel, dilation) = (Pick(random, [4, 8, 16, 32]), random.Next(5, 9), Pick(random, [8, 12, 14, 16, 18, 32]), Pick(random, [3, 5]), random.Next(1, 3));
        var padding = kernel / 2 * dilation;
        var window = new WindowAttributes { Strides = [random.Next(1, 3), random.Next(4) == 0 ? 2 : 1], Dilations = [dilation, dilation], Pads = [padding, padding, padding, padding] };
        var x = b.Quantized(b.Input(channels, height, width));
        return (b.WithEpilogue(random, epilogue => b.Conv(x, channels, channels, kernel, window, channels, epilogue != "no bias", epilogue != "float bias")), new Shape(random.Next(1, 3), channels, height, width));
    }

    private static (Value, Shape) MatrixProduct(Random random, QdqGraphBuilder b) => MatrixProduct(random, b, random.Next(1, 70));

    private static (Value, Shape) MatrixProduct(Random random, QdqGraphBuilder b, int channels)
    {
        var (outChannels, rows) = (Pick(random, s_outChannels), Pick(random, [1, 2, 5, 6, 7, 13]));
        var x = b.Quantized(b.Input(channels));
        return (b.WithEpilogue(random, epilogue => random.Next(2) == 0 ? b.Gemm(x, channels, outChannels, epilogue != "no bias") : b.MatMul(x, channels, outChannels)), new Shape(rows, channels));
    }
}
