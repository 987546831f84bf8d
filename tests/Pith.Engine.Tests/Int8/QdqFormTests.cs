using Pith.EngineTests.Jit;
using Pith.Kernels;
using Pith.Ops;

namespace Pith.EngineTests.Int8;

/// <summary>
/// Every form of quantization that a file may have means in the engine what the graph says: where the integer kernels cannot give exactly that, the layer runs in float. Scales are powers of two
/// but for the odd one, so that float sums are exact in any order and integers must be equal.
/// </summary>
public class QdqFormTests
{
    private const int Channels = 4;

    private static readonly float[] s_oddScales =
        [0, -0.0f, -0.5f, .. new[] { -146, -127, -100, -43, 42, 100, 126 }.Select(exponent => MathF.ScaleB(1, exponent)), float.NaN, float.PositiveInfinity];

    public static TheoryData<float> OddScales => [.. s_oddScales];

    [Theory]
    [MemberData(nameof(OddScales))]
    public void Any_scale_of_the_data(float scale) => RequireSame(net => net.Layer(net.Pair(net.X, scale), net.IntegerWeight([0.25f])));

    [Theory]
    [MemberData(nameof(OddScales))]
    public void Any_scale_of_the_weight(float scale) => RequireSame(net => net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([scale])));

    [Theory]
    [MemberData(nameof(OddScales))]
    public void Any_scale_of_one_channel(float scale) => RequireSame(net => net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f, scale, 0.5f, 1])));

    [Theory]
    [MemberData(nameof(OddScales))]
    public void Any_scale_of_the_result(float scale) => RequireSame(net => net.Pair(net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f])), scale));

    [Theory]
    [MemberData(nameof(OddScales))]
    public void Any_scale_of_a_residual_or_factor(float scale)
    {
        RequireSame(net => net.Pair(net.Graph.Add(new Add(), net.Pair(net.X, 0.5f), net.Pair(net.X, scale)), 1));
        RequireSame(net => net.Pair(net.Graph.Add(new Mul(), net.Pair(net.X, 0.5f), net.Pair(net.X, scale)), 1));
        RequireSame(net => net.Pair(net.Graph.Add(new Add(), net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f])), net.Pair(net.X, scale)), 1));
    }

    [Theory]
    [MemberData(nameof(OddScales))]
    public void Any_scale_before_and_after_ops_that_move_or_compare_elements(float scale)
    {
        // Which of a number and NaN is the larger is not defined.
        if (float.IsFinite(scale)) RequireSame(net => net.Graph.Add(new MaxPool { Window = WindowAttributes.Uniform(2) }, net.Pair(net.X, scale)));
        RequireSame(net => net.Pair(net.Graph.Add(new MaxPool { Window = WindowAttributes.Uniform(3, 2, 1) }, net.X), scale));
        RequireSame(net => net.Pair(net.Graph.Add(new Concat(1), net.X, net.Pair(net.X, 0.5f)), scale));
        RequireSame(net => net.Graph.Add(new Concat(1), net.Pair(net.X, scale), net.Pair(net.X, scale)));
        RequireSame(net => net.Pair(net.Graph.Add(new AveragePool { Window = WindowAttributes.Uniform(2, 2) }, net.Pair(net.X, scale)), 0.25f));
        RequireSame(net => net.Pair(net.Graph.Add(new Relu(), net.Pair(net.X, scale)), 0.25f));
        RequireSame(net => net.Pair(net.Pair(net.X, scale), scale));
    }

    public static TheoryData<string> Forms => [.. s_forms.Keys];

    private static readonly Dictionary<string, Func<Net, Value>> s_forms = new()
    {
        ["weight with a zero point"] = net => net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f], zeroPoint: 7)),
        ["uint8 weight"] = net => net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f], DataType.UInt8, 128)),
        ["uint8 weight without zero point"] = net => net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f, 0.5f, 1, 2], DataType.UInt8, null)),
        ["int16 weight"] = net => net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f], DataType.Int16, 0)),
        ["uint8 data, int8 result"] = net => net.Pair(net.Layer(net.Pair(net.X, 0.5f, DataType.UInt8, 100), net.IntegerWeight([0.25f])), 0.5f),
        ["int8 data, uint8 result with zero point, relu"] = net => net.Pair(net.Graph.Add(new Relu(), net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f]))), 0.5f, DataType.UInt8, 3),
        ["another scale in DequantizeLinear"] = net => net.Layer(net.Dequantize(net.Quantize(net.X, 0.5f), 0.25f), net.IntegerWeight([0.25f])),
        ["another zero point in DequantizeLinear"] = net => net.Layer(net.Dequantize(net.Quantize(net.X, 0.5f, DataType.Int8, 3), 0.5f, DataType.Int8, -2), net.IntegerWeight([0.25f])),
        ["quantized again with another scale"] = net => net.Pair(net.Pair(net.X, 0.5f), 0.25f),
        ["quantized again with another zero point"] = net => net.Pair(net.Pair(net.X, 0.5f, DataType.Int8, 1), 0.5f, DataType.Int8, 2),
        ["16 bits"] = net => net.Pair(net.Layer(net.Pair(net.X, 0.5f, DataType.UInt16, 30000), net.IntegerWeight([0.25f])), 0.5f, DataType.Int16, 5),
        ["data per channel"] = net => net.Layer(net.PairPerChannel(net.X), net.IntegerWeight([0.25f])),
        ["result per channel"] = net => net.PairPerChannel(net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f]))),
        ["scales of one element"] = net => net.Layer(net.Pair(net.X, 0.5f, vector: true), net.IntegerWeight([0.25f])),
        ["bias in other units"] = net => net.Pair(net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f]), net.IntegerBias(0.5f)), 0.5f),
        ["bias in units that are not a number"] = net => net.Pair(net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f]), net.IntegerBias(float.NaN)), 0.5f),
        ["bias with a zero point"] = net => net.Pair(net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f]), net.IntegerBias(0.125f, 9)), 0.5f),
        ["relu after a zero point, moved"] = net => net.Pair(net.Graph.Add(new Relu(), net.Pair(net.X, 0.5f, DataType.Int8, -20)), 0.5f, DataType.Int8, -20),
        ["clip to what the steps do not hold"] = net => net.Pair(net.Clip(net.Pair(net.X, 0.5f), -0.3f, 1.7f), 0.5f),
        ["clip with bounds in the wrong order"] = net => net.Pair(net.Clip(net.Pair(net.X, 0.5f), 1, -1), 0.5f),
        ["concat of two scales"] = net => net.Pair(net.Graph.Add(new Concat(1), net.Pair(net.X, 0.5f), net.Pair(net.X, 0.25f)), 0.5f),
        ["padded with a constant between the steps"] = net => net.Pair(net.Pad(net.Pair(net.X, 0.5f), 0.3f), 0.5f),
        ["average with padding"] = net => net.Pair(net.Graph.Add(new AveragePool { Window = WindowAttributes.Uniform(2, 2, 1), CountIncludePad = true }, net.Pair(net.X, 0.5f, DataType.UInt8, 77)), 0.25f),
        ["max pool whose windows may see padding only"] = net => net.Graph.Add(new MaxPool { Window = new WindowAttributes { KernelShape = [2, 2], Dilations = [7, 7], Pads = [4, 4, 4, 4] } }, net.Pair(net.X, 0.5f)),
        ["batch norm with a negative factor after uint8 weights"] = net => net.Pair(net.BatchNorm(net.Layer(net.Pair(net.X, 0.5f), net.IntegerWeight([0.25f], DataType.UInt8, null))), 0.5f),
        ["transposed per channel"] = net => net.Graph.Add(new Transpose([0, 2, 3, 1]), net.PairPerChannel(net.X)),
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Any_form(string form) => RequireSame(s_forms[form]);

    [Theory]
    [InlineData(DataType.UInt8, 65_000, 127, true)]
    [InlineData(DataType.UInt8, 70_000, 127, false)]
    [InlineData(DataType.UInt8, 70_000, -60, true)]
    [InlineData(DataType.Int8, 70_000, 127, true)]
    [InlineData(DataType.Int8, 140_000, -128, false)]
    [InlineData(DataType.Int8, 140_000, 100, true)]
    public void A_sum_that_could_leave_32_bits_is_not_made_by_an_integer_kernel(DataType type, int products, int weights, bool isInt8)
    {
        var net = new Net(TensorType.Float32(2, products));
        var weight = net.Graph.AddConstant("w", Tensor.Create(new Shape(1, products), Enumerable.Repeat((sbyte)weights, products).ToArray()));
        var data = net.Pair(net.X, 1, type, 0);
        var y = net.Graph.Add(new Gemm { TransB = true }, data, net.Graph.Add(new DequantizeLinear { Axis = 0 }, weight, net.Graph.AddConstant("s", Tensor.Scalar(1f))));
        net.Graph.AddOutput(y);
        var x = Tensor.Create(new Shape(2, products), Enumerable.Repeat(255f, 2 * products).ToArray());
        var want = GraphInterpreter.Run(net.Graph, [x])[0].As<float>().Data;
        foreach (var isa in TestDevice.Levels)
        {
            using var engine = EngineBuilder.Build(net.Graph, new EngineOptions { MaxBatch = 2, MinBatch = 2, TimeTactics = false }, TestDevice.At(isa, 2));
            using var context = engine.CreateContext();
            x.Span.CopyTo(context.Input<float>("x"));
            context.Run(2);
            Assert.Equal(isInt8, engine.Layers.Any(layer => layer.Precision == "int8" && layer.Spec.Kind == LayerKind.Gemm));
            Assert.Equal(want, context.Output<float>(engine.Outputs[0].Name).ToArray());
        }
    }

    private static void RequireSame(Func<Net, Value> build)
    {
        var net = new Net(TensorType.Float32(2, Channels, 5, 6));
        var y = build(net);
        net.Graph.AddOutput(y);
        // The integers themselves, where the result comes from a DequantizeLinear.
        if (y.Producer!.Op is DequantizeLinear) net.Graph.AddOutput(y.Producer.Inputs[0]!);
        var random = new Random(5);
        var x = Tensor.Create(new Shape(2, Channels, 5, 6), Enumerable.Range(0, 2 * Channels * 30).Select(_ => random.Next(-80, 80) * 0.5f).ToArray());
        var want = GraphInterpreter.Run(net.Graph, [x]);
        foreach (var options in new[] { new EngineOptions(), new EngineOptions { ReferenceOnly = true }, new EngineOptions { Literal = true } })
        {
            using var engine = EngineBuilder.Build(net.Graph, options with { MaxBatch = 2, MinBatch = 2, TimeTactics = false });
            using var context = engine.CreateContext();
            x.Span.CopyTo(context.Input<float>("x"));
            context.Run(2);
            for (var i = 0; i < want.Length; i++) Compare(want[i], context, engine.Outputs[i].Name, $"output {i}, reference {options.ReferenceOnly}, literal {options.Literal}\n{net.Graph}");
        }
    }

    private static void Compare(Tensor want, EngineContext context, string name, string repro)
    {
        switch (want)
        {
            case Tensor<float> floats:
                var got = context.Output<float>(name);
                var largest = floats.Data.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty().Max();
                for (var i = 0; i < floats.Length; i++)
                    Expect.That(floats.Data[i].Equals(got[i]) || Math.Abs(floats.Data[i] - got[i]) <= 1e-6 * largest, $"{repro}: element {i} expected {floats.Data[i]:R}, got {got[i]:R}");
                break;
            case Tensor<sbyte> q: Assert.True(q.Span.SequenceEqual(context.Output<sbyte>(name)), repro); break;
            case Tensor<byte> q: Assert.True(q.Span.SequenceEqual(context.Output<byte>(name)), repro); break;
            case Tensor<short> q: Assert.True(q.Span.SequenceEqual(context.Output<short>(name)), repro); break;
            case Tensor<ushort> q: Assert.True(q.Span.SequenceEqual(context.Output<ushort>(name)), repro); break;
            default: Assert.Fail($"{repro}: {want}"); break;
        }
    }

    private sealed class Net
    {
        private readonly Random _random = new(11);

        public Net(TensorType type) => X = Graph.AddInput("x", type);

        public Graph Graph { get; } = new("forms");

        public Value X { get; }

        public Value Pair(Value x, float scale, DataType type = DataType.Int8, int zeroPoint = 0, bool vector = false) => Dequantize(Quantize(x, scale, type, zeroPoint, vector), scale, type, zeroPoint, vector);

        public Value Quantize(Value x, float scale, DataType type = DataType.Int8, int zeroPoint = 0, bool vector = false) => Graph.Add(new QuantizeLinear(), x, Scale(scale, vector), Zero(type, zeroPoint));

        public Value Dequantize(Value q, float scale, DataType type = DataType.Int8, int zeroPoint = 0, bool vector = false) => Graph.Add(new DequantizeLinear(), q, Scale(scale, vector), Zero(type, zeroPoint));

        public Value PairPerChannel(Value x)
        {
            var (scale, zero) = (Graph.AddConstant("scales", Tensor.Vector(0.5f, 0.25f, 1, 2)), Graph.AddConstant("zeros", Tensor.Vector<sbyte>(0, 3, -4, 5)));
            return Graph.Add(new DequantizeLinear { Axis = 1 }, Graph.Add(new QuantizeLinear { Axis = 1 }, x, scale, zero), scale, zero);
        }

        public Value IntegerWeight(float[] scales, DataType type = DataType.Int8, int? zeroPoint = 0)
        {
            var shape = scales.Length == 1 ? new Shape() : new Shape(scales.Length);
            var low = type == DataType.UInt8 ? 0 : -100;
            var q = Graph.AddConstant("weight", Tensor.Create(new Shape(Channels, Channels, 1, 1), Enumerable.Range(0, Channels * Channels).Select(_ => _random.Next(low, 100)).ToArray()).ConvertTo(type));
            var scale = Graph.AddConstant("scale", Tensor.Create(shape, scales));
            var op = new DequantizeLinear { Axis = 0 };
            if (zeroPoint is not { } zero) return Graph.Add(op, q, scale);
            return Graph.Add(op, q, scale, Graph.AddConstant("zero", Tensor.Create(shape, Enumerable.Repeat(zero, scales.Length).ToArray()).ConvertTo(type)));
        }

        public Value IntegerBias(float scale, int zeroPoint = 0) => Graph.Add(
            new DequantizeLinear(), Graph.AddConstant("bias", Tensor.Vector(3, -5, 70, 1000)), Graph.AddConstant("scale", Tensor.Scalar(scale)), Graph.AddConstant("zero", Tensor.Scalar(zeroPoint)));

        public Value Layer(Value x, Value weight, Value? bias = null) => bias is null ? Graph.Add(new Conv(), x, weight) : Graph.Add(new Conv(), x, weight, bias);

        public Value Clip(Value x, float low, float high) => Graph.Add(new Clip(), x, Scale(low, false), Scale(high, false));

        public Value Pad(Value x, float constant) => Graph.Add(new Pad(), x, Graph.AddConstant("pads", Tensor.Vector<long>(0, 0, 1, 1, 0, 0, 1, 0)), Scale(constant, false));

        public Value BatchNorm(Value x) => Graph.Add(
            new BatchNormalization { Epsilon = 0 }, x, Graph.AddConstant("gamma", Tensor.Vector(1f, -1, -0.5f, 2)), Graph.AddConstant("beta", Tensor.Vector(0f, 1, 2, 3)),
            Graph.AddConstant("mean", Tensor.Vector(0f, 1, 0, 2)), Graph.AddConstant("variance", Tensor.Vector(1f, 1, 4, 1)));

        private Value Scale(float scale, bool vector) => Graph.AddConstant("scale", vector ? Tensor.Vector(scale) : Tensor.Scalar(scale));

        private Value Zero(DataType type, int zeroPoint) => Graph.AddConstant("zero", Tensor.Scalar(zeroPoint).ConvertTo(type));
    }
}
