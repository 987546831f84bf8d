using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>A joint search over precision and sparsity in the terminal.</summary>
internal static class OptimizationTable
{
    public static void Draw(IAnsiConsole console, OptimizationResult result)
    {
        var layers = new Table().Border(TableBorder.Simple).AddColumns("layer", "chosen");
        foreach (var (layer, option) in result.Chosen.Layers) layers.AddRow(SafeText.Cell(layer), SafeText.Cell(option));
        console.Write(layers);
        var table = new Table().Border(TableBorder.Simple).AddColumn("network");
        foreach (var title in (string[])[SearchTable.LossTitle(result.Settings.Metric), "ms", "times as fast as float", "half of the rounds", "predicted"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        table.AddColumn("layers").AddColumn("");
        var front = result.Front.ToHashSet();
        foreach (var trial in result.Trials.OrderByDescending(trial => trial.Speedup))
        {
            string[] cells = [trial.Name, SearchTable.Loss(result.Settings.Metric, trial.Loss), Text(trial.MedianMs, "0.000"), Text(trial.Speedup, "0.00"), $"{Text(trial.LowerQuartile, "0.00")} to {Text(trial.UpperQuartile, "0.00")}", Text(trial.PredictedSpeedup, "0.00"), trial.Summary, trial == result.Chosen ? "chosen" : front.Contains(trial) ? "front" : ""];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        console.Line($"batch {result.Settings.Batch}, {result.Machine}{(result.KeptTrials > 0 ? $"; {result.KeptTrials} measurements were reused from an earlier run" : "")}");
        console.Line($"{result.Verdict}");
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
