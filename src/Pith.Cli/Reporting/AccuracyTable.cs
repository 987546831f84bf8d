using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>Draws what the stages of a step did to the error at a network's outputs.</summary>
internal static class AccuracyTable
{
    /// <summary>One row for each stage.</summary>
    public static Table Of(IReadOnlyList<AccuracyStage> stages)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("for accuracy", "concerns").AddColumn(new TableColumn("SNR of the outputs").RightAligned()).AddColumn("");
        foreach (var stage in stages)
        {
            string[] cells = [stage.Name, stage.Detail, double.IsPositiveInfinity(stage.SnrDecibels) ? "exact" : string.Create(CultureInfo.InvariantCulture, $"{stage.SnrDecibels:0.0} dB"), !stage.IsKept ? "undone: no better" : stage.IsFitted ? "fitted to the images that measure it; new images show less" : ""];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        return table;
    }
}
