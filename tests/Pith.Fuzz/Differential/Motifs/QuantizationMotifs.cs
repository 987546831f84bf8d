using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>Q/DQ pairs around everything, and layers as quantizers write them.</summary>
internal static class QuantizationMotifs
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        new("quantized", (s, x) => NetworkSketch.IsFloat(x) ? Quantized(s, x) : null),
        new("quantized somewhere", (s, x) => NetworkSketch.IsFloat(x) ? Quantized(s, x) : null),
        new("quantize", (s, x) => NetworkSketch.IsFloat(x) ? Quantize(s, x, Type(s)).Integers : null),
        new("dequantize", Dequantize),
        new("quantized per channel", PerChannel),
        new("quantized conv", (s, x) => ConvLayer(s, x, new ConvolutionMotifs.Form())),
        new("quantized conv 3x3", (s, x) => ConvLayer(s, x, new ConvolutionMotifs.Form { Kernel = 3, IsPlain = true })),
        new("quantized conv 1x1", (s, x) => ConvLayer(s, x, new ConvolutionMotifs.Form { Kernel = 1, IsPlain = true })),
        new("quantized depthwise conv", (s, x) => ConvLayer(s, x, new ConvolutionMotifs.Form { IsDepthwise = true })),
        new("quantized residual", Residual),
        new("quantized gemm", GemmLayer),
        new("quantized matmul", MatMulLayer),
        new("quantized gate", Gate),
        new("quantized pool", (s, x) => NetworkSketch.IsMap(x) ? s.Add(new GlobalAveragePool(), Quantized(s, x)) is { } y ? Quantized(s, y) : null : null),
    ];

    /// <summary>A scale for numbers up to <paramref name="amax"/>: with four significant bits, so that sums are exact, or with all of them.</summary>
    public static float Scale(NetworkSketch s, float amax, DataType type)
    {
        var steps = type is DataType.Int16 ? 32767 : type is DataType.UInt16 ? 65535 : type is DataType.UInt8 ? 255 : 127;
        var scale = Math.Max(amax, 1e-6f) / steps * s.Pick(0.5f, 1f, 1f, 1f, 2f);
        // Beyond that, products of two scales overflow.
        if (!(scale < 1e15f)) scale = 1;
        return s.Numbers == NumberKind.Exact || s.Chance(0.5) ? Short(scale) : scale;
    }

    /// <summary>The scale to the nearest with four significant bits.</summary>
    private static float Short(float scale)
    {
        var unit = MathF.Pow(2, MathF.Floor(MathF.Log2(scale)) - 3);
        return MathF.Round(scale / unit) * unit;
    }

    private static DataType Type(NetworkSketch s) => s.Pick(DataType.Int8, DataType.Int8, DataType.Int8, DataType.UInt8, DataType.UInt8, DataType.Int16, DataType.UInt16);

    /// <summary>x through QuantizeLinear; the scale and zero point come along.</summary>
    public static (Value Integers, Value Scale, Value? ZeroPoint) Quantize(NetworkSketch s, Value x, DataType type)
    {
        var amax = s.Amax(x);
        var scale = s.Constant(Tensor.Scalar(Scale(s, amax, type)));
        var (min, max) = AffineQuantization.RangeOf(type);
        var zero = s.Int(0, 9) switch
        {
            0 => min,
            1 => max,
            2 => s.Int(min, max),
            _ => type is DataType.UInt8 or DataType.UInt16 ? (s.Chance(0.5) ? 0 : (max + 1) / 2) : 0,
        };
        if (type == DataType.UInt8 && zero == 0 && s.Chance(0.3)) return (s.Add(new QuantizeLinear(), x, scale), scale, null);
        var zeroPoint = s.Constant(Tensor.Scalar(zero).ConvertTo(type));
        return (s.Add(new QuantizeLinear(), x, scale, zeroPoint), scale, zeroPoint);
    }

    /// <summary>x through QuantizeLinear and DequantizeLinear.</summary>
    public static Value Quantized(NetworkSketch s, Value x, bool only8Bits = false)
    {
        var (q, scale, zeroPoint) = Quantize(s, x, only8Bits ? s.Pick(DataType.Int8, DataType.Int8, DataType.UInt8) : Type(s));
        return zeroPoint is null ? s.Add(new DequantizeLinear(), q, scale) : s.Add(new DequantizeLinear(), q, scale, zeroPoint);
    }

    // x * sigmoid(x) with a pair after every operator: a function of 256 values, in one order of operands or the other.
    private static Value? Gate(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x)) return null;
        var input = Quantized(s, x, only8Bits: true);
        var gate = Quantized(s, s.Add(new Sigmoid(), input), only8Bits: true);
        return Quantized(s, s.Chance(0.5) ? s.Add(new Mul(), input, gate) : s.Add(new Mul(), gate, input), only8Bits: true);
    }

    private static Value? Dequantize(NetworkSketch s, Value x)
    {
        if (x.Type.DataType is not (DataType.Int8 or DataType.UInt8 or DataType.Int16 or DataType.UInt16 or DataType.Int32)) return null;
        // The pair's own scale when there is one.
        if (x.Producer is { Op: QuantizeLinear } node && s.Chance(0.6)) return s.Add(new DequantizeLinear { Axis = ((QuantizeLinear)node.Op).Axis }, x, node.Input(1), node.Input(2));
        var scale = s.Constant(Tensor.Scalar(Scale(s, 4, x.Type.DataType)));
        return x.Type.DataType == DataType.Int32 || s.Chance(0.5) ? s.Add(new DequantizeLinear(), x, scale) : s.Add(new DequantizeLinear(), x, scale, s.Constant(Tensor.Scalar(s.Int(0, 100)).ConvertTo(x.Type.DataType)));
    }

    private static Value? PerChannel(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank < 2 || !x.Type[1].IsFixed || x.Type[1].Size < 1) return null;
        var scales = Tensor.Zeros<float>(new Shape(x.Type[1].Size));
        foreach (ref var scale in scales.Span) scale = Scale(s, s.Amax(x), DataType.Int8);
        Value scaleValue = s.Constant(scales), zeroPoint = s.Constant(Tensor.Zeros<sbyte>(scales.Shape));
        return s.Add(new DequantizeLinear(), s.Add(new QuantizeLinear(), x, scaleValue, zeroPoint), scaleValue, zeroPoint);
    }

    private static Value? ConvLayer(NetworkSketch s, Value x, ConvolutionMotifs.Form form)
    {
        if (!NetworkSketch.IsMap(x)) return null;
        var y = Conv(s, Quantized(s, x, only8Bits: s.Chance(0.9)), form);
        if (y is null) return null;
        if (s.Chance(0.2)) y = NormalizationMotifs.BatchNorm(s, y)!;
        if (s.Chance(0.6)) y = s.Add(ElementwiseMotifs.Activation(s), y);
        return s.Chance(0.7) ? Quantized(s, y, only8Bits: s.Chance(0.9)) : y;
    }

    private static Value? Conv(NetworkSketch s, Value x, ConvolutionMotifs.Form form) => ConvolutionMotifs.Conv(s, x, form with
    {
        Weight = (sketch, weights) => WeightForms.Quantized(sketch, weights, 0, asIntegers: sketch.Chance(0.8), symmetric: sketch.Chance(0.8)),
        Bias = Bias,
    });

    // A float, or integers in units of the operands' scales.
    private static Value? Bias(NetworkSketch s, Value x, Value weight, int channels)
    {
        if (s.Chance(0.2)) return null;
        if (s.Chance(0.3) || x.Producer?.Op is not DequantizeLinear || weight.Producer?.Op is not DequantizeLinear) return s.Weight(new Shape(channels));
        var (inputScale, weightScales) = (x.Producer!.Input(1)!.Constant!.As<float>().Data, weight.Producer!.Input(1)!.Constant!.As<float>().Data);
        if (inputScale.Length != 1) return s.Weight(new Shape(channels));
        var scales = weightScales.Select(scale => scale * inputScale[0]).ToArray();
        if (!scales.All(scale => float.IsNormal(scale))) return s.Weight(new Shape(channels));
        var integers = Enumerable.Range(0, channels).Select(_ => s.Int(-1000, 1000)).ToArray();
        return s.Add(new DequantizeLinear { Axis = 0 }, s.Constant(Tensor.Vector<int>(integers)), s.Constant(scales.Length == 1 ? Tensor.Scalar(scales[0]) : Tensor.Vector<float>(scales)));
    }

    private static Value? Residual(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsMap(x)) return null;
        var q = Quantized(s, x, only8Bits: true);
        var branch = Conv(s, q, new ConvolutionMotifs.Form { Kernel = s.Pick(1, 3), KeepsSize = true, IsPlain = true, OutChannels = x.Type[1].Size });
        if (branch is null) return null;
        var sum = s.Add(new Add(), s.Chance(0.5) ? Quantized(s, branch, only8Bits: true) : branch, s.Chance(0.7) ? q : Quantized(s, ElementwiseMotifs.Partner(s, x), only8Bits: true));
        return Quantized(s, s.Chance(0.6) ? s.Add(new Relu(), sum) : sum, only8Bits: true);
    }

    private static Value? GemmLayer(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || !NetworkSketch.IsBatched(x) || NetworkSketch.Elements(x) > 600) return null;
        var q = Quantized(s, x, only8Bits: true);
        var flat = x.Type.Rank == 2 ? q : s.Add(new Flatten(), q);
        var (depth, columns) = (flat.Type[1].Size, s.Channels());
        var weight = WeightForms.Quantized(s, s.Weights(new Shape(columns, depth), depth), 0, asIntegers: true, symmetric: s.Chance(0.8));
        var bias = x.Type.Rank == 2 ? Bias(s, q, weight, columns) : s.Weight(new Shape(columns));
        var y = bias is null ? s.Add(new Gemm { TransB = true }, flat, weight) : s.Add(new Gemm { TransB = true }, flat, weight, bias);
        return s.Chance(0.5) ? Quantized(s, y) : y;
    }

    private static Value? MatMulLayer(NetworkSketch s, Value x)
    {
        if (!NetworkSketch.IsFloat(x) || x.Type.Rank < 2 || !NetworkSketch.IsBatched(x)) return null;
        var (depth, columns) = (x.Type[-1].Size, s.Channels(32));
        if (NetworkSketch.Elements(x) / depth * columns > NetworkSketch.LargestValue) return null;
        var y = s.Add(new MatMul(), Quantized(s, x, only8Bits: true), WeightForms.Quantized(s, s.Weights(new Shape(depth, columns), depth), 1, asIntegers: true, symmetric: true));
        return s.Chance(0.5) ? Quantized(s, y) : y;
    }
}
