using System.Globalization;

namespace Pith.Cli.Reporting;

/// <summary>How numbers of a stage are written for people, the same in the terminal and in the report.</summary>
internal static class StageText
{
    public static string Percent(double share) => (100 * share).ToString("0.00", CultureInfo.InvariantCulture) + "%";

    public static string Bytes(long bytes) => bytes switch
    {
        < 10 * 1024 => $"{bytes} B",
        < 10 * 1024 * 1024 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0 / 1024.0:0.0} MiB"),
    };

    /// <summary>The difference to the baseline in points with its paired 95% interval; empty for the baseline.</summary>
    public static string Difference(StageResult stage) => stage.Comparison is { } comparison
        ? string.Create(CultureInfo.InvariantCulture, $"{100 * comparison.Top1Difference:+0.00;-0.00;0.00} [{100 * comparison.Interval.Low:+0.00;-0.00;0.00}, {100 * comparison.Interval.High:+0.00;-0.00;0.00}]")
        : "";

    /// <summary>The batch sizes that stages were timed at.</summary>
    public static IEnumerable<int> Batches(RecipeReport report) => report.Stages.SelectMany(stage => stage.Latency.Select(entry => entry.Timing.Batch)).Distinct().Order();

    /// <summary>The time of a stage; null when it was not timed at this batch.</summary>
    public static StageLatency? LatencyAt(StageResult stage, int batch) => stage.Latency.FirstOrDefault(entry => entry.Timing.Batch == batch);
}
