namespace Pith.Compression.Quantization;

/// <summary>Ranges that do not reach beyond a Clip: a runtime that sees so leaves the Clip out.</summary>
internal static class ClipBounds
{
    /// <summary>
    /// <paramref name="parameters"/>, or the next smaller scale with which every quantized value lies within the Clips that compute <paramref name="values"/>. Values from elsewhere that share the scale keep their
    /// range: when one of them was seen outside the bounds, nothing changes.
    /// </summary>
    public static QuantizationParameters Within(IEnumerable<Value> values, Histogram histogram, QuantizationParameters parameters, bool exactScale)
    {
        var (low, high) = (float.NegativeInfinity, float.PositiveInfinity);
        foreach (var value in values)
        {
            if (ClipRange.Of(value.Producer) is { } clip) (low, high) = (Math.Max(low, clip.Low), Math.Min(high, clip.High));
        }
        // A range always holds 0.
        if (!(low <= 0 && high >= 0) || histogram.Min < low || histogram.Max > high) return parameters;
        var (smallest, largest) = parameters.DataType == DataType.UInt8 ? (0, 255) : (-128, 127);
        var zeroPoint = parameters.ZeroPoints[0];
        var limit = Math.Min(Limit(low, smallest - zeroPoint), Limit(high, largest - zeroPoint));
        if (limit >= parameters.Scales[0] || limit <= QuantizationParameters.SmallestAmax) return parameters;
        return parameters.WithScale(exactScale ? MathF.BitDecrement((float)limit) : ShortScale.RoundDown((float)limit));
    }

    // The largest scale with which this many steps do not pass the bound.
    private static double Limit(float bound, int steps) => steps == 0 ? double.PositiveInfinity : (double)bound / steps;
}
