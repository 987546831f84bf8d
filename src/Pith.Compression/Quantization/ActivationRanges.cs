namespace Pith.Compression.Quantization;

/// <summary>Turns what calibration has seen, or a calibration cache, into the parameters of each activation to quantize. Tensors of one group get the same.</summary>
public static class ActivationRanges
{
    /// <summary>The parameters that the options' calibrator chooses.</summary>
    /// <returns>Parameters by tensor name, one entry per activation of the placement.</returns>
    /// <exception cref="PithException">A tensor was not observed, or the calibrator cannot choose its range.</exception>
    public static IReadOnlyDictionary<string, QuantizationParameters> Calibrated(QdqPlacement placement, ActivationStatistics statistics, QuantizationSettings options)
    {
        ArgumentNullException.ThrowIfNull(placement);
        ArgumentNullException.ThrowIfNull(statistics);
        ArgumentNullException.ThrowIfNull(options);
        var ranges = new Dictionary<string, QuantizationParameters>(StringComparer.Ordinal);
        foreach (var group in placement.Activations.GroupBy(activation => activation.Group))
        {
            var names = group.Select(activation => activation.Value.Name).ToArray();
            var histogram = statistics.All(names[0]);
            foreach (var name in names[1..]) histogram.Merge(statistics.All(name));
            var parameters = Parameters(histogram, options);
            if (options.Target.RangesImplyClips) parameters = ClipBounds.Within(group.Select(activation => activation.Value), histogram, parameters, options.ExactScales);
            foreach (var name in names) ranges[name] = parameters;
        }
        return ranges;
    }

    /// <summary>The parameters that a calibration cache holds; of tensors that share a scale, the largest.</summary>
    /// <returns>Parameters by tensor name, one entry per activation of the placement.</returns>
    /// <exception cref="PithException">The cache lacks a tensor, or activations are not symmetric int8.</exception>
    public static IReadOnlyDictionary<string, QuantizationParameters> Cached(QdqPlacement placement, CalibrationCache cache, QuantizationSettings options)
    {
        ArgumentNullException.ThrowIfNull(placement);
        ArgumentNullException.ThrowIfNull(cache);
        ArgumentNullException.ThrowIfNull(options);
        if (options.ActivationForm != ActivationForm.Int8) throw new PithException($"A calibration cache holds scales of symmetric int8; {options.ActivationForm.ToString().ToLowerInvariant()} activations (target {options.Target}) need calibration data.");
        var ranges = new Dictionary<string, QuantizationParameters>(StringComparer.Ordinal);
        foreach (var group in placement.Activations.GroupBy(activation => activation.Group))
        {
            var names = group.Select(activation => activation.Value.Name).ToArray();
            var largest = names.Max(name => cache.Scales.TryGetValue(name, out var scale)
                ? scale
                : throw new PithException($"The calibration cache has no scale for tensor '{name}' (it has {cache.Scales.Count} tensors). Calibrate again, or keep that layer in float."));
            var parameters = QuantizationParameters.FromScale(options.ExactScales ? largest : ShortScale.RoundUp(largest));
            foreach (var name in names) ranges[name] = parameters;
        }
        return ranges;
    }

    private static QuantizationParameters Parameters(Histogram histogram, QuantizationSettings options)
    {
        var (calibrator, exact) = (options.Calibrator, options.ExactScales);
        // All 255 steps lie above zero when no value is negative.
        if (options.ActivationForm != ActivationForm.Int8 && histogram.Min == 0) return QuantizationParameters.FromScale(calibrator.Scale(histogram, 255, exact), DataType.UInt8);
        if (options.ActivationForm != ActivationForm.UInt8) return QuantizationParameters.FromScale(calibrator.Scale(histogram, 127, exact));
        var amax = calibrator.Amax(histogram);
        return QuantizationParameters.Asymmetric(Math.Max(histogram.Min, -amax), Math.Min(histogram.Max, amax), exact);
    }
}
