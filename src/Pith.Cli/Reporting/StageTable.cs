using System.Globalization;
using Pith.Compression;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>The table of a recipe run in the terminal: the same numbers as in the HTML report.</summary>
internal static class StageTable
{
    public static void Draw(IAnsiConsole console, RecipeReport report)
    {
        var batches = report.Stages.SelectMany(stage => stage.Latency.Select(entry => entry.Timing.Batch)).Distinct().Order().ToArray();
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumns("stage", "precision", "sparsity");
        foreach (var title in (string[])["top-1", "against baseline", "agreement"]) table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var batch in batches)
        {
            table.AddColumn(new TableColumn($"ms, batch {batch}").RightAligned());
            table.AddColumn(new TableColumn("speed-up").RightAligned());
        }
        table.AddColumn(new TableColumn("weights").RightAligned());
        foreach (var stage in report.Stages) table.AddRow([.. Cells(stage, batches).Select(SafeText.Cell)]);
        console.Write(table);
    }

    private static IEnumerable<string> Cells(StageResult stage, int[] batches)
    {
        yield return stage.Name;
        yield return stage.Precision;
        yield return stage.IsSparse ? "2:4" : "dense";
        yield return StageText.Percent(stage.Accuracy.Top1);
        yield return StageText.Difference(stage);
        yield return stage.Comparison is { } comparison ? StageText.Percent(comparison.Agreement) : "";
        foreach (var batch in batches)
        {
            var latency = stage.Latency.FirstOrDefault(entry => entry.Timing.Batch == batch);
            yield return latency is null ? "" : latency.Timing.MedianMs.ToString("0.00", CultureInfo.InvariantCulture);
            yield return latency is null ? "" : latency.Speedup.ToString("0.00", CultureInfo.InvariantCulture) + "x";
        }
        yield return StageText.Bytes(stage.WeightBytes);
    }
}
