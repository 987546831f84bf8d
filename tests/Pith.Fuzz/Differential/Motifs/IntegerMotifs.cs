using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Integers: casts, arithmetic, and the ops that compute on quantized numbers.</summary>
internal static class IntegerMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("cast to an integer", (s, x) => NetworkSketch.IsFloat(x) && s.Amax(x) < 1000 && IsFinite(s, x) ? s.Add(new Cast(s.Pick(DataType.Int32, DataType.Int64, DataType.Bool)), x) : null),
        new("cast to a float", (s, x) => NetworkSketch.IsFloat(x) || x.Type.Rank == 0 ? null : s.Add(new Cast(DataType.Float32), x)),
        new("there and back through another float", (s, x) => NetworkSketch.IsFloat(x) ? s.Add(new Cast(DataType.Float32), s.Add(ElementwiseMotifs.Activation(s), s.Add(new Cast(s.Pick(DataType.Float64, DataType.Float16)), x))) : null),
        new("integer arithmetic", Arithmetic),
        new("pixels to floats", Pixels),
        new("dynamic quantization", Dynamic),
        new("integer matmul", MatMulInteger),
        new("integer conv", ConvInteger),
        new("qlinear conv", QLinearConv),
        new("qlinear matmul", QLinearMatMul),
    ];

    private static bool IsFinite(NetworkSketch s, Value x) => s.Evaluate(x).As<float>().Data.All(float.IsFinite);

    private static bool IsByte(Value x) => x.Type.DataType is DataType.UInt8 or DataType.Int8;

    private static Value? Arithmetic(NetworkSketch s, Value x)
    {
        if (x.Type.DataType is not (DataType.Int32 or DataType.Int64)) return null;
        var constant = s.Constant(Tensor.Scalar(s.Int(1, 7)).ConvertTo(x.Type.DataType));
        return s.Add(s.Pick<Op>(new Add(), new Sub(), new Mul(), new Div(), new Mod(), new Max(), new Min()), x, constant);
    }

    // As exporters write preprocessing into a network.
    private static Value? Pixels(NetworkSketch s, Value x)
    {
        if (x.Type.DataType != DataType.UInt8 || !NetworkSketch.IsBatched(x)) return null;
        var real = s.Add(new Cast(DataType.Float32), x);
        var scaled = s.Add(s.Chance(0.5) ? new Div() : new Mul(), real, s.Scalar(s.Pick(255f, 128f, 0.5f, 1f)));
        return s.Chance(0.5) ? s.Add(new Sub(), scaled, s.Scalar(0.5f)) : scaled;
    }

    private static Value? Dynamic(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank == 0) return null;
        var node = s.Graph.AddNode(new DynamicQuantizeLinear(), [x], null, ["", "", ""]);
        return s.Add(new DequantizeLinear(), node.Outputs[0], node.Outputs[1], node.Outputs[2]);
    }

    private static Tensor Bytes(NetworkSketch s, Shape shape, DataType type)
    {
        var integers = Enumerable.Range(0, shape.Length).Select(_ => type == DataType.UInt8 ? s.Int(0, 255) : s.Int(-128, 127)).ToArray();
        return Tensor.Create(shape, integers).ConvertTo(type);
    }

    private static Value? Byte(NetworkSketch s, Value x) => IsByte(x) ? x : NetworkSketch.IsFloat(x) ? QuantizationMotifs.Quantize(s, x, s.Pick(DataType.UInt8, DataType.Int8)).Integers : null;

    private static Value Zero(NetworkSketch s, DataType type) => s.Constant(Bytes(s, new Shape(), type));

    private static Value? MatMulInteger(NetworkSketch s, Value x)
    {
        if (x.Type.Rank < 2 || !x.Type[-1].IsFixed || NetworkSketch.Elements(x) > 4000 || Byte(s, x) is not { } bytes) return null;
        var type = s.Pick(DataType.UInt8, DataType.Int8);
        return s.Add(new MatMulInteger(), bytes, s.Constant(Bytes(s, new Shape(x.Type[-1].Size, s.Channels(16)), type)), Zero(s, bytes.Type.DataType), Zero(s, type));
    }

    private static Value? ConvInteger(NetworkSketch s, Value x)
    {
        if (x.Type.Rank != 4 || !NetworkSketch.IsBatched(x) || NetworkSketch.Elements(x) > 4000 || Byte(s, x) is not { } bytes) return null;
        var type = s.Pick(DataType.UInt8, DataType.Int8);
        var kernel = s.Pick(1, 3);
        return s.Add(new ConvInteger { Window = WindowAttributes.Uniform(kernel, s.Int(1, 2), kernel / 2) }, bytes, s.Constant(Bytes(s, new Shape(s.Channels(16), x.Type[1].Size, kernel, kernel), type)), Zero(s, bytes.Type.DataType), Zero(s, type));
    }

    private static Value? QLinearConv(NetworkSketch s, Value x)
    {
        if (x.Type.Rank != 4 || !NetworkSketch.IsBatched(x) || NetworkSketch.Elements(x) > 4000 || Byte(s, x) is not { } bytes) return null;
        var (kernel, channels, perChannel) = (s.Pick(1, 3), s.Channels(16), s.Chance(0.5));
        var scales = Tensor.Zeros<float>(perChannel ? new Shape(channels) : new Shape());
        foreach (ref var scale in scales.Span) scale = QuantizationMotifs.Scale(s, 1, DataType.Int8);
        var weights = s.Constant(Bytes(s, new Shape(channels, x.Type[1].Size, kernel, kernel), DataType.Int8));
        var bias = s.Constant(Tensor.Create(new Shape(channels), Enumerable.Range(0, channels).Select(_ => s.Int(-1000, 1000)).ToArray()));
        return s.Add(new QLinearConv { Window = WindowAttributes.Uniform(kernel, s.Int(1, 2), kernel / 2) }, bytes, s.Scalar(QuantizationMotifs.Scale(s, 2, DataType.Int8)), Zero(s, bytes.Type.DataType), weights, s.Constant(scales),
            s.Constant(Tensor.Zeros<sbyte>(scales.Shape)), s.Scalar(QuantizationMotifs.Scale(s, 8, DataType.Int8)), Zero(s, s.Pick(DataType.UInt8, DataType.Int8)), bias);
    }

    private static Value? QLinearMatMul(NetworkSketch s, Value x)
    {
        if (x.Type.Rank < 2 || !x.Type[-1].IsFixed || NetworkSketch.Elements(x) > 4000 || Byte(s, x) is not { } bytes) return null;
        var weights = s.Constant(Bytes(s, new Shape(x.Type[-1].Size, s.Channels(16)), DataType.Int8));
        return s.Add(new QLinearMatMul(), bytes, s.Scalar(QuantizationMotifs.Scale(s, 2, DataType.Int8)), Zero(s, bytes.Type.DataType), weights, s.Scalar(QuantizationMotifs.Scale(s, 1, DataType.Int8)), Zero(s, DataType.Int8),
            s.Scalar(QuantizationMotifs.Scale(s, 8, DataType.Int8)), Zero(s, s.Pick(DataType.UInt8, DataType.Int8)));
    }
}
