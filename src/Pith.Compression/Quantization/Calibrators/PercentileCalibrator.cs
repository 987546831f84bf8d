using System.Globalization;

namespace Pith.Compression.Quantization;

/// <summary>The first bin edge below which at least <see cref="Percentile"/> percent of all |x| lie (zeros count).</summary>
public sealed record PercentileCalibrator : Calibrator
{
    /// <summary>Creates the calibrator.</summary>
    /// <param name="percentile">Above 0 and at most 100.</param>
    /// <exception cref="PithException"><paramref name="percentile"/> is out of range.</exception>
    public PercentileCalibrator(double percentile = 99.99)
    {
        if (!(percentile > 0 && percentile <= 100))
            throw new PithException(string.Create(CultureInfo.InvariantCulture, $"Calibrator 'percentile': the percentile must be above 0 and at most 100, got {percentile}."));
        Percentile = percentile;
    }

    /// <summary>The share of values to represent, in percent.</summary>
    public double Percentile { get; }

    /// <inheritdoc/>
    public override string Name => "percentile";

    /// <inheritdoc/>
    public override string Help => "clips the largest 0.01% of |x|; another share: percentile:99.9";

    /// <inheritdoc/>
    public override string Argument => Percentile.ToString(CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override Calibrator WithArgument(string argument) =>
        double.TryParse(argument, NumberStyles.Float, CultureInfo.InvariantCulture, out var percentile)
            ? new PercentileCalibrator(percentile)
            : throw new PithException($"Calibrator 'percentile': a number was expected after the colon, got '{argument}'. Example: percentile:99.99.");

    /// <inheritdoc/>
    protected override float Choose(Histogram histogram, int levels)
    {
        long below = 0;
        var bin = 0;
        do below += histogram.Counts[bin++];
        while (below * 100.0 < Percentile * histogram.ElementCount && bin < Histogram.BinCount);
        return histogram.Edge(bin);
    }
}
