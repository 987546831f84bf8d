using System.Globalization;

namespace Pith.Cli.Reporting;

/// <summary>A column of the table of a recipe run, in the terminal and in the HTML report.</summary>
/// <param name="Title">The heading.</param>
/// <param name="IsNumber">Whether it is aligned to the right.</param>
/// <param name="Cell">The text of a stage.</param>
internal sealed record StageColumn(string Title, bool IsNumber, Func<StageResult, string> Cell)
{
    /// <summary>All columns of a report.</summary>
    public static IReadOnlyList<StageColumn> Of(RecipeReport report) =>
    [
        new("stage", false, stage => stage.Name),
        new("precision", false, stage => stage.Precision),
        new("sparsity", false, stage => stage.IsSparse ? string.Join(", ", stage.Patterns) : "dense"),
        new("top-1", true, stage => StageText.Percent(stage.Accuracy.Top1)),
        new("against baseline", true, StageText.Difference),
        new("agreement", true, stage => stage.Comparison is { } comparison ? StageText.Percent(comparison.Agreement) : ""),
        .. StageText.Batches(report).SelectMany(TimesOf),
        new("weights", true, stage => StageText.Bytes(stage.WeightBytes)),
        new("file", true, stage => StageText.Bytes(stage.FileBytes)),
    ];

    private static StageColumn[] TimesOf(int batch) =>
    [
        new($"ms, batch {batch}", true, stage => StageText.LatencyAt(stage, batch)?.Timing.MedianMs.ToString("0.00", CultureInfo.InvariantCulture) ?? ""),
        new("speed-up", true, stage => StageText.LatencyAt(stage, batch) is { } latency ? string.Create(CultureInfo.InvariantCulture, $"{latency.Speedup:0.00}x") : ""),
    ];
}
