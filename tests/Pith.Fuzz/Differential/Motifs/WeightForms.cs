using Pith.Ops;

namespace Pith.Fuzz.Differential.Motifs;

/// <summary>The forms that weights come in: plain, quantized in one of the ways of exporters, or after ops that are computed when the model is read.</summary>
internal static class WeightForms
{
    /// <summary>Weights in any form.</summary>
    /// <param name="s">The sketch.</param>
    /// <param name="weights">The numbers; quantized forms stand for numbers near them.</param>
    /// <param name="axis">The axis of output channels.</param>
    public static Value Any(NetworkSketch s, Tensor<float> weights, int axis = 0) => s.Int(s.Quantizes ? 0 : 2, 9) switch
    {
        0 => Quantized(s, weights, axis, asIntegers: true),
        1 => Quantized(s, weights, axis, asIntegers: false),
        2 => s.Add(new Identity(), s.Constant(weights)),
        3 => s.Add(new Reshape(), s.Constant(weights.Reshape(new Shape(weights.Length))), s.Integers([.. weights.Shape.Dims.Select(dim => (long)dim)])),
        4 => Transposed(s, weights),
        _ => s.Constant(weights),
    };

    /// <summary>Integers after DequantizeLinear, or floats after QuantizeLinear and DequantizeLinear.</summary>
    public static Value Quantized(NetworkSketch s, Tensor<float> weights, int axis, bool asIntegers, bool symmetric = false)
    {
        var type = symmetric ? DataType.Int8 : s.Pick(DataType.Int8, DataType.Int8, DataType.Int8, DataType.UInt8, DataType.Int16);
        var channels = s.Chance(0.6) ? weights.Shape[axis] : 0;
        var amax = Math.Max(1e-6f, weights.Data.Where(float.IsFinite).Select(Math.Abs).DefaultIfEmpty(1).Max());
        var scales = Tensor.Zeros<float>(channels > 0 ? new Shape(channels) : new Shape());
        foreach (ref var scale in scales.Span) scale = QuantizationMotifs.Scale(s, amax * (0.5f + s.Random.NextSingle()), type);
        var zeroPoints = Tensor.Zeros<int>(scales.Shape);
        if (type == DataType.UInt8) foreach (ref var zero in zeroPoints.Span) zero = s.Int(100, 156);
        else if (!symmetric && s.Chance(0.1)) foreach (ref var zero in zeroPoints.Span) zero = s.Int(-5, 5);
        Value scaleValue = s.Constant(scales), zero_ = s.Constant(zeroPoints.ConvertTo(type));
        var quantize = new QuantizeLinear { Axis = axis };
        if (!asIntegers) return s.Add(new DequantizeLinear { Axis = axis }, s.Add(quantize, s.Constant(weights), scaleValue, zero_), scaleValue, zero_);
        var integers = quantize.Evaluate([weights, scales, zeroPoints.ConvertTo(type)], 1)[0];
        var stored = s.Constant(integers);
        var hasZeroPoint = type != DataType.Int8 || zeroPoints.Data.Any(zero => zero != 0) || s.Chance(0.5);
        return hasZeroPoint ? s.Add(new DequantizeLinear { Axis = axis }, stored, scaleValue, zero_) : s.Add(new DequantizeLinear { Axis = axis }, stored, scaleValue);
    }

    // Stored the other way round, turned by the graph.
    private static Value Transposed(NetworkSketch s, Tensor<float> weights)
    {
        var turn = new Transpose(Enumerable.Range(0, weights.Shape.Rank).Reverse().ToValueList());
        return s.Add(turn, s.Constant(turn.Evaluate([weights], 1)[0]));
    }
}
