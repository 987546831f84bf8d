using Pith.Building;
using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>The float image at the start of a network becomes bytes, channels-last: the bits of <see cref="Int8Arithmetic"/>, whatever the size, the scale and the values.</summary>
public class QuantizeImageTests
{
    private static readonly float[] s_special = [0, -0f, float.NaN, float.PositiveInfinity, float.NegativeInfinity, float.MaxValue, float.MinValue, float.Epsilon, -float.Epsilon];

    // Those of ordinary networks, powers of two, the ends of what integer layers take, and some beyond, which run as written.
    public static TheoryData<float, bool, int> Scales() => new(
        from scale in new[] { 0.01865f, 0.0078125f, 1f, 0.0317f, 1e-12f, 1e12f, 3e-38f, 3e38f }
        from zero in new[] { (true, 0), (true, 255), (true, 114), (false, 0), (false, -128) }
        select (scale, zero.Item1, zero.Item2));

    [Theory]
    [MemberData(nameof(Scales))]
    public void Images_become_the_specification_s_bytes(float scale, bool unsigned, int zero)
    {
        var to = new Quantization(scale, zero, unsigned ? DataType.UInt8 : DataType.Int8);
        foreach (var (batch, channels, height, width) in new[] { (1, 3, 5, 70), (2, 3, 9, 16), (3, 3, 2, 3), (1, 3, 1, 1), (1, 3, 33, 129), (2, 1, 4, 21), (1, 4, 3, 18), (1, 5, 6, 7), (2, 58, 7, 7), (1, 24, 28, 28) })
        {
            var (graph, x) = Network(scale, unsigned, zero, [batch, channels, height, width]);
            var want = Array.ConvertAll(x.Data, value => (float)(Int8Arithmetic.Quantize(value, to) - to.StoredZeroPoint));
            foreach (var isa in TestDevice.Levels)
                foreach (var threads in isa == Isa.Detected ? new[] { 1, 2, 5 } : [2])
                {
                    using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batch, TimeTactics = false }, TestDevice.At(isa, threads));
                    Assert.Equal(Quantization.IsExact(scale) ? "int8-quantize" : "reference", engine.Layers[0].Tactic);
                    using var guarded = new GuardedRun(engine);
                    Assert.True(want.SequenceEqual(guarded.Run(x)), $"{batch}x{channels}x{height}x{width}, {isa}, {threads} threads");
                }
        }
    }

    [Theory]
    [MemberData(nameof(Scales))]
    public void Tensors_that_are_no_images_stay_row_major(float scale, bool unsigned, int zero)
    {
        foreach (var sizes in new int[][] { [5], [2, 7, 9], [3, 196, 33], [1, 1, 16384], [2, 3, 5, 7, 11], [1, 2, 3, 4, 5, 6] })
        {
            var (graph, x) = Network(scale, unsigned, zero, sizes);
            var want = GraphInterpreter.Run(graph, [x])[0].As<float>().Data;
            foreach (var isa in TestDevice.Levels)
                foreach (var threads in isa == Isa.Detected ? new[] { 1, 2, 3 } : [2])
                {
                    using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = sizes[0], TimeTactics = false }, TestDevice.At(isa, threads));
                    Assert.Equal([Quantization.IsExact(scale) ? "int8-quantize" : "reference", "int8-dequantize"], engine.Layers.Select(layer => layer.Tactic));
                    using var guarded = new GuardedRun(engine, threads);
                    Assert.True(want.SequenceEqual(guarded.Run(x)), $"{string.Join('x', sizes)}, {isa}, {threads} threads");
                }
        }
    }

    private static (Graph Graph, Tensor<float> X) Network(float scale, bool unsigned, int zero, int[] sizes)
    {
        var graph = new Graph("quantize");
        var x = graph.AddInput("x", TensorType.Float32([Dim.Named("N"), .. sizes.Skip(1).Select(Dim.Of)]));
        var (s, z) = (graph.AddConstant("scale", Tensor.Scalar(scale)), graph.AddConstant("zero", Tensor.Scalar(zero).ConvertTo(unsigned ? DataType.UInt8 : DataType.Int8)));
        // Steps of 1, so that what is compared is the integer.
        graph.AddOutput(graph.Add(new DequantizeLinear(), graph.Add(new QuantizeLinear(), x, s, z), graph.AddConstant("one", Tensor.Scalar(1f)), z));
        var data = Tensor.Zeros<float>(new Shape(sizes));
        var random = new Random(sizes[^1]);
        for (var i = 0; i < data.Length; i++)
        {
            // Ties and their neighbours as often as anything else.
            var tie = (float)((random.Next(-260, 260) + 0.5) * scale);
            data.Span[i] = random.Next(5) switch { 0 => tie, 1 => MathF.BitIncrement(tie), 2 => MathF.BitDecrement(tie), 3 => s_special[random.Next(s_special.Length)], _ => (random.NextSingle() - 0.5f) * 520 * scale };
        }
        return (graph, data);
    }
}
