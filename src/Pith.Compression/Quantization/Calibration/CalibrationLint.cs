using System.Globalization;

namespace Pith.Compression.Quantization;

/// <summary>Judges a calibration: is each range sound, and is the calibration set large and varied enough? Pure functions of histograms.</summary>
public static class CalibrationLint
{
    /// <summary>More clipped values than this, as a share, are a warning; the default percentile clips 0.0001.</summary>
    public const double LargestSaturation = 0.001;

    /// <summary>An amax more than this many times the 99.99th percentile is a warning: outliers take most of the levels.</summary>
    public const double LargestOutlierRatio = 4;

    /// <summary>A scale that moves by more than this share between half of the samples and all of them has not converged.</summary>
    public const double LargestDrift = 0.05;

    /// <summary>Fewer classes than this share of what a random draw would give are a warning.</summary>
    public const double SmallestClassShare = 0.8;

    private static readonly PercentileCalibrator s_bulk = new(99.99);

    /// <summary>Checks one tensor.</summary>
    /// <param name="all">Its values over all samples.</param>
    /// <param name="firstHalf">Its values over the first half of the samples, or null when nobody kept them.</param>
    /// <param name="calibrator">The calibrator in use.</param>
    public static IEnumerable<CalibrationFinding> CheckTensor(Histogram all, Histogram? firstHalf, Calibrator calibrator)
    {
        ArgumentNullException.ThrowIfNull(all);
        ArgumentNullException.ThrowIfNull(calibrator);
        var amax = calibrator.Amax(all);
        foreach (var finding in CheckRange(all, amax)) yield return finding;
        if (firstHalf is null || firstHalf.ElementCount == 0 || amax <= QuantizationParameters.SmallestAmax) yield break;
        var drift = Math.Abs(calibrator.Amax(firstHalf) - amax) / amax;
        if (drift > LargestDrift)
            yield return Warning("convergence", all, $"still moves: half of the samples give {calibrator.Amax(firstHalf):G4}, all give {amax:G4} ({drift * 100:F1}% apart). Calibrate on more samples.");
    }

    /// <summary>Checks a range that was chosen, by whomever.</summary>
    /// <param name="all">The tensor's values over all samples.</param>
    /// <param name="amax">The largest |x| that is not clipped.</param>
    internal static IEnumerable<CalibrationFinding> CheckRange(Histogram all, double amax)
    {
        if (amax <= QuantizationParameters.SmallestAmax || all.MaxAbs == 0)
        {
            yield return Warning("zero_range", all, $"is zero on the whole calibration set (|x| <= {all.MaxAbs}); its scale becomes 1. Is a layer before it dead?");
            yield break;
        }

        var saturated = all.ShareAbove(amax);
        if (saturated > LargestSaturation)
            yield return Warning("saturation", all, $"clips {saturated * 100:F2}% of its values at {amax:G4} (largest: {all.MaxAbs:G4}). Choose a larger percentile, or mse.");

        var bulk = s_bulk.Amax(all);
        if (amax > LargestOutlierRatio * bulk)
            yield return Warning("outliers", all, $"keeps a range of {amax:G4}, {amax / bulk:F1} times what 99.99% of its values need ({bulk:G4}). Choose percentile or mse, or keep the layer in float.");
    }

    /// <summary>Checks which classes the calibration set shows.</summary>
    /// <param name="samples">The number of samples.</param>
    /// <param name="covered">The number of different classes among them.</param>
    /// <param name="classes">The number of classes that the data set has.</param>
    public static IEnumerable<CalibrationFinding> CheckClasses(int samples, int covered, int classes)
    {
        if (covered >= classes) yield break; // also when the data has no classes
        // A uniform draw of n samples misses each class with probability (1 - 1/C)^n.
        var expected = classes * (1 - Math.Pow(1 - 1.0 / classes, samples));
        var text = string.Create(CultureInfo.InvariantCulture, $"The {samples} calibration samples show {covered} of {classes} classes; a random draw would show about {expected:F0}.");
        yield return covered < SmallestClassShare * expected
            ? new CalibrationFinding(FindingSeverity.Warning, "classes", null, text + " Shuffle the training data before drawing.")
            : new CalibrationFinding(FindingSeverity.Info, "classes", null, text);
    }

    private static CalibrationFinding Warning(string rule, Histogram histogram, FormattableString problem) =>
        new(FindingSeverity.Warning, rule, histogram.Tensor, $"Tensor '{histogram.Tensor}' {problem.ToString(CultureInfo.InvariantCulture)}");
}
