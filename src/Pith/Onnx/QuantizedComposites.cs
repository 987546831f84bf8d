using Pith.Ops;

namespace Pith.Onnx;

/// <summary>
/// Ops with quantized operands as DequantizeLinear, the op on real numbers, QuantizeLinear. ONNX Runtime's kernels compute these in integers or in single precision, with the same result except where
/// the real number lies within rounding error of the middle between two integers.
/// </summary>
internal static class QuantizedComposites
{
    /// <summary>Operands: a, scale, zero point; b, scale, zero point; the result's scale and zero point.</summary>
    public static Value[] Binary(CompositeContext context, Op op)
    {
        var (a, b) = (context.Dequantize("a", 0, 1, 2), context.Dequantize("b", 3, 4, 5));
        return [context.Quantize(context.Main(op, a, b), 6, 7, context.Input(0).Type.DataType)];
    }

    /// <summary>Operands: x, scale, zero point; the result's scale and zero point.</summary>
    public static Value[] Unary(CompositeContext context, Op op) => [context.Quantize(context.Main(op, context.Dequantize("x", 0, 1, 2)), 3, 4, context.Input(0).Type.DataType)];

    public static Value[] Softmax(CompositeContext context)
    {
        // The node says what its axis means, whatever the file's opset.
        var softmax = new Softmax { Axis = context.Reader.Int32("axis", -1), FlattensTrailingAxes = context.Reader.Int("opset", 13) < 13 };
        return Unary(context, softmax);
    }

    public static Value[] ReduceMean(CompositeContext context) => Unary(context, new ReduceMean(context.Reader.Ints("axes") ?? [], context.Reader.Flag("keepdims", true)));

    public static Value[] AveragePool(CompositeContext context)
    {
        var pool = new AveragePool { Window = PoolingTypes.Read(context.Reader), CountIncludePad = context.Reader.Flag("count_include_pad", false) };
        return Pool(context, pool);
    }

    public static Value[] GlobalAveragePool(CompositeContext context) => Pool(context, new GlobalAveragePool());

    /// <summary>Operands: the result's scale and zero point, then data, scale and zero point of each part.</summary>
    public static Value[] Concat(CompositeContext context)
    {
        if (!context.Reader.Has("axis")) throw context.Reader.Error("attribute 'axis' is missing");
        if (context.InputCount % 3 != 2) throw context.Reader.Error($"expected a scale, a zero point and three operands for each part, got {context.InputCount} operands");
        var parts = new Value[(context.InputCount - 2) / 3];
        for (var i = 0; i < parts.Length; i++) parts[i] = context.Dequantize($"x{i}", 3 * i + 2, 3 * i + 3, 3 * i + 4);
        return [context.Quantize(context.Main(new Concat(context.Reader.Int32("axis", 0)), parts), 0, 1, context.Input(2).Type.DataType)];
    }

    /// <summary>Operands: condition; x, scale, zero point; y, scale, zero point; the result's scale and zero point.</summary>
    public static Value[] Where(CompositeContext context)
    {
        var chosen = context.Main(new Where(), context.Input(0), context.Dequantize("x", 1, 2, 3), context.Dequantize("y", 4, 5, 6));
        return [context.Quantize(chosen, 7, 8, context.Input(1).Type.DataType)];
    }

    /// <summary>True for a QLinearConv whose parameters are known, so that it is a Q/DQ graph like any other.</summary>
    public static bool IsFixedConv(OpReader reader) => AreFixed(reader, perChannel: reader.InputType(3) is { Rank: > 0 } w ? w[0] : 0);

    /// <summary>Operands: x, scale, zero point; w, scale, zero point; the result's scale and zero point; int32 bias in units of x scale * w scale.</summary>
    public static Value[] Conv(CompositeContext context)
    {
        var channelsLast = context.Reader.Flag("channels_last", false);
        var conv = new Conv { Window = WindowAttributes.Read(context.Reader), Groups = context.Reader.Int32("group", 1) };
        var x = ChannelsFirst(context, context.Dequantize("x", 0, 1, 2), channelsLast);
        var w = Weight(context, 3, 4, 5, axis: 0);
        var bias = Bias(context, 8, context.Product("bias/scale", context.Input(1), context.Input(4)));
        return [context.Quantize(ChannelsLast(context, context.Main(conv, x, w, bias), channelsLast), 6, 7, context.Input(0).Type.DataType)];
    }

    /// <summary>True for a QLinearMatMul whose parameters are known, with one scale for the left matrix and one, or one for each column, for the right one.</summary>
    public static bool IsFixedMatMul(OpReader reader) => AreFixed(reader, perChannel: reader.InputType(3) is { Rank: 2 } b ? b[1] : 0);

    /// <summary>Operands: a, scale, zero point; b, scale, zero point; the result's scale and zero point.</summary>
    public static Value[] MatMul(CompositeContext context) =>
        [context.Quantize(context.Main(new MatMul(), context.Dequantize("a", 0, 1, 2), Weight(context, 3, 4, 5, axis: -1)), 6, 7, context.Input(0).Type.DataType)];

    /// <summary>Operands: a, scale, zero point; b, scale, zero point; optional int32 c in units of alpha * a scale * b scale; the result's scale and zero point, without which the result is real.</summary>
    public static Value[] Gemm(CompositeContext context)
    {
        var gemm = new Gemm { Alpha = context.Reader.Float("alpha", 1), TransA = context.Reader.Flag("transA", false), TransB = context.Reader.Flag("transB", false) };
        var (a, b) = (context.Dequantize("a", 0, 1, 2), Weight(context, 3, 4, 5, axis: gemm.TransB ? 0 : 1));
        Value? c = null;
        if (context.Optional(6) is not null)
        {
            var scale = context.Product("c/scale", context.Input(1), context.Input(4));
            c = Bias(context, 6, gemm.Alpha == 1 ? scale : context.Product("c/scaled", scale, context.Constant("c/alpha", Tensor.Scalar(gemm.Alpha))));
        }
        var product = context.Main(gemm, a, b, c);
        return [context.Optional(7) is null ? product : context.Quantize(product, 7, 8, context.Input(0).Type.DataType)];
    }

    /// <summary>Operands: a, b, their scales, their zero points, bias (real).</summary>
    public static Value[] MatMulIntegerToFloat(CompositeContext context)
    {
        var (a, b) = (context.Dequantize("a", 0, 2, 4, axis: -2), Weight(context, 1, 3, 5, axis: -1));
        return [Plus(context, context.Main(new MatMul(), a, b), context.Optional(6))];
    }

    /// <summary>Operands: a (real), b, its scale and zero point, bias (real). a is quantized to uint8 by its own range.</summary>
    public static Value[] DynamicQuantizeMatMul(CompositeContext context)
    {
        var quantized = context.AddNode("a", new DynamicQuantizeLinear(), context.Input(0)).Outputs;
        var a = context.Dequantize("a/dequantize", quantized[0], quantized[1], quantized[2]);
        return [Plus(context, context.Main(new MatMul(), a, Weight(context, 1, 2, 3, axis: -1)), context.Optional(4))];
    }

    private static bool AreFixed(OpReader reader, Dim perChannel)
    {
        bool IsOne(int index) => reader.InputConstant(index) is { Length: 1 };
        bool FitsWeight(int index) => reader.InputConstant(index) is { } constant && (constant.Length == 1 || perChannel == constant.Length);
        bool IsScale(int index) => reader.InputConstant(index) is Tensor<float> scales && scales.Data.All(value => value >= 0 && float.IsFinite(value));
        return IsOne(1) && IsOne(2) && FitsWeight(4) && FitsWeight(5) && IsOne(6) && IsOne(7) && IsScale(1) && IsScale(4) && IsScale(6) && reader.InputConstant(6)!.As<float>().Data[0] > 0;
    }

    // Unsigned weights around 128 are signed ones around 0, which is what INT8 kernels take.
    private static Value Weight(CompositeContext context, int w, int scale, int zeroPoint, int axis)
    {
        if (context.Input(w).Constant is not Tensor<byte> unsigned || context.Optional(zeroPoint)?.Constant is not Tensor<byte> zeros || zeros.Data.Any(zero => zero != 128)) return context.Dequantize("w", w, scale, zeroPoint, axis);
        var signed = Tensor.Create(unsigned.Shape, Array.ConvertAll(unsigned.Data, value => (sbyte)(value - 128)));
        return context.Dequantize("w", context.Constant("w/signed", signed), context.Input(scale), null, axis);
    }

    private static Value? Bias(CompositeContext context, int bias, Value scale) => context.Optional(bias) is { } integers ? context.Dequantize("bias", integers, scale, null, axis: integers.Type.Rank - 1) : null;

    private static Value Plus(CompositeContext context, Value product, Value? bias) => bias is null ? product : context.Add("bias", new Add(), product, bias);

    private static Value[] Pool(CompositeContext context, Op pool)
    {
        var channelsLast = context.Reader.Flag("channels_last", false);
        var pooled = context.Main(pool, ChannelsFirst(context, context.Dequantize("x", 0, 1, 2), channelsLast));
        return [context.Quantize(ChannelsLast(context, pooled, channelsLast), 3, 4, context.Input(0).Type.DataType)];
    }

    /// <summary>[N, spatial..., C] to [N, C, spatial...], or <paramref name="x"/> itself.</summary>
    internal static Value ChannelsFirst(CompositeContext context, Value x, bool channelsLast) =>
        channelsLast ? context.Add("nchw", new Transpose([0, x.Type.Rank - 1, .. Enumerable.Range(1, Math.Max(0, x.Type.Rank - 2))]), x) : x;

    /// <summary>[N, C, spatial...] to [N, spatial..., C], or <paramref name="x"/> itself.</summary>
    internal static Value ChannelsLast(CompositeContext context, Value x, bool channelsLast) =>
        channelsLast ? context.Add("nhwc", new Transpose([0, .. Enumerable.Range(2, Math.Max(0, x.Type.Rank - 2)), 1]), x) : x;
}
