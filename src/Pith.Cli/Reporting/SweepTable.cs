using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>A sweep in the terminal.</summary>
internal static class SweepTable
{
    public static void Draw(IAnsiConsole console, SweepReport report)
    {
        console.Line($"{report.Sparse} against {report.Dense}, timed in turn, {report.Threads} threads");
        var table = new Table().Border(TableBorder.Simple);
        foreach (var title in (string[])["batch", "size", "dense, ms", "sparse, ms", "times as fast", "half of the rounds"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        table.AddColumn("");
        foreach (var point in report.Points)
        {
            string[] times = point.Failure is null ? [Text(point.DenseMs, "0.000"), Text(point.SparseMs, "0.000"), Text(point.Speedup, "0.00"), $"{Text(point.LowerQuartile, "0.00")} to {Text(point.UpperQuartile, "0.00")}"] : ["", "", "", ""];
            string[] cells = [Text(point.Batch, "0"), point.Size(), .. times, point.Failure ?? ""];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        foreach (var point in report.Points.Where(point => point.DenseEnergy is not null))
            EnergyTable.Draw(console, [($"{report.Dense}, batch {point.Batch} {point.Size()}", point.DenseEnergy), ($"{report.Sparse}, batch {point.Batch} {point.Size()}", point.SparseEnergy)]);
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
