using System.Globalization;
using Pith.Compression;

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
}
