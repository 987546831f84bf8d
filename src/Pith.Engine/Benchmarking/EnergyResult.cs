namespace Pith.Benchmarking;

/// <summary>What inference took in energy. In JSON: <c>joules_per_image</c>, <c>images_per_joule</c>, <c>watts</c> …</summary>
/// <param name="Joules">Energy of the whole measurement.</param>
/// <param name="Seconds">How long it was.</param>
/// <param name="Images">Images that were answered meanwhile.</param>
/// <param name="Source">What was counted, see <see cref="EnergyMeter.Source"/>.</param>
public sealed record EnergyResult(double Joules, double Seconds, long Images, string Source)
{
    /// <summary>Energy of one image, everything that the package did meanwhile included.</summary>
    public double JoulesPerImage => Joules / Images;

    /// <summary>Images for a joule, which is images per second for each watt.</summary>
    public double ImagesPerJoule => Images / Joules;

    /// <summary>Average power.</summary>
    public double Watts => Joules / Seconds;

    /// <summary>Runs a target by itself, as long as <paramref name="settings"/> say, and counts the energy: targets that are timed in turn share the counters' ticks.</summary>
    /// <param name="meter">The counters.</param>
    /// <param name="target">What to run.</param>
    /// <param name="settings">Seconds, warm-up and fewest runs.</param>
    /// <param name="task">What the progress bar says.</param>
    /// <param name="events">Receives progress.</param>
    /// <param name="cancellation">Stops between two runs.</param>
    /// <exception cref="PithException">The counters did not move, or cannot be read any more.</exception>
    public static EnergyResult Measure(EnergyMeter meter, BenchmarkTarget target, BenchmarkSettings settings, string task = "energy", IProgress<PithEvent>? events = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(meter);
        ArgumentNullException.ThrowIfNull(target);
        ArgumentNullException.ThrowIfNull(settings);
        Benchmark.Run([target], settings with { Seconds = 0, MinRuns = 1 }, task, null, cancellation);
        using var span = meter.Start();
        var runs = Benchmark.Run([target], settings with { WarmUpSeconds = 0 }, task, events, cancellation)[0].Runs;
        var (joules, seconds) = span.Stop();
        if (joules <= 0) throw new PithException($"The energy counters ({meter.Source}) did not move in {seconds:F1} s. Measure longer; if they never move, this machine does not tell its energy.");
        // Each stream begins with a run that is not among those that are timed.
        return new EnergyResult(joules, seconds, (long)(runs + target.Streams.Count) * target.Batch, meter.Source);
    }
}
