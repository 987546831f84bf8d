namespace Pith.Compression.Training;

/// <summary>A step of a <see cref="RateSweep"/>.</summary>
/// <param name="Rate">The learning rate of the step.</param>
/// <param name="Loss">The loss of its batch, before the update.</param>
/// <param name="Smoothed">The moving average of the losses so far.</param>
public sealed record RatePoint(double Rate, double Loss, double Smoothed);

/// <summary>
/// The loss while the learning rate grows exponentially from step to step, and the rate that it suggests (Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3): where the smoothed loss falls
/// fastest over the logarithm of the rate.
/// </summary>
public sealed record RateSweep
{
    /// <summary>The steps of a sweep.</summary>
    public const int DefaultSteps = 100;

    internal const double SmallestRate = 1e-6, LargestRate = 10;

    // The average keeps this share of the losses before.
    private const double Keep = 0.9;

    // A loss this many times the lowest one does not come back.
    private const double Explosion = 4;

    // Steps on either side over which the slope is measured.
    private const int Reach = 3;

    private RateSweep() { }

    /// <summary>The steps, rates rising; the sweep ends early when the loss grows out of bounds.</summary>
    public required ValueList<RatePoint> Points { get; init; }

    /// <summary>The rate to begin with; null when the loss never fell.</summary>
    public double? Suggested { get; init; }

    /// <summary>Why the sweep ended, as a sentence.</summary>
    public required string End { get; init; }

    /// <summary>Sweeps the rate.</summary>
    /// <param name="steps">Steps at most.</param>
    /// <param name="lossAt">Makes one step, numbered from 0, with a learning rate and gives the loss before it.</param>
    internal static RateSweep Run(int steps, Func<int, double, double> lossAt)
    {
        var points = new List<RatePoint>();
        double sum = 0, weight = 0, lowest = double.PositiveInfinity;
        var end = FormattableString.Invariant($"The sweep reached a learning rate of {LargestRate}.");
        for (var step = 0; step < steps; step++)
        {
            var rate = SmallestRate * Math.Pow(LargestRate / SmallestRate, (double)step / (steps - 1));
            var loss = lossAt(step, rate);
            (sum, weight) = (Keep * sum + (1 - Keep) * loss, Keep * weight + 1 - Keep);
            var smoothed = sum / weight;
            if (!double.IsFinite(loss) || (step >= 2 * Reach && smoothed > Explosion * lowest))
            {
                end = FormattableString.Invariant($"Training diverged at a learning rate of {rate:G2}.");
                break;
            }
            points.Add(new RatePoint(rate, loss, smoothed));
            lowest = Math.Min(lowest, smoothed);
        }
        return new RateSweep { Points = points.ToValueList(), Suggested = Steepest(points), End = end };
    }

    private static double? Steepest(List<RatePoint> points)
    {
        double? best = null;
        var steepest = 0.0;
        for (var i = Reach; i < points.Count - Reach; i++)
        {
            // Rates are as many times as large from step to step.
            var slope = points[i + Reach].Smoothed - points[i - Reach].Smoothed;
            if (slope < steepest) (best, steepest) = (points[i].Rate, slope);
        }
        return best;
    }
}
