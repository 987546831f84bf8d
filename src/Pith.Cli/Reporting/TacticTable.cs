using System.Globalization;
using Pith.Benchmarking;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>The tactics of one layer side by side, fastest first; those that refuse it, with the reason, after.</summary>
internal static class TacticTable
{
    public static void Draw(IAnsiConsole console, LayerBenchmarkResult result)
    {
        console.Line($"{result.Spec.ToString()}");
        console.Line($"{Text(result.Macs / 1e6, "0.00")} MMACs; {result.Features}, {(result.Threads == 1 ? "1 thread" : $"{result.Threads} threads")}; peak {Text(result.PeakMacsPerSecond / 1e9, "0")} GMAC/s");
        var table = new Table().Border(TableBorder.Simple).AddColumn("tactic");
        foreach (var title in (string[])["median µs", "min", "cv", "GMAC/s", "of peak", "runs"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        foreach (var timing in result.Tactics.Where(timing => timing.Refused is null).OrderBy(timing => timing.MedianMs))
        {
            string[] cells = [timing.Tactic, Text(1e3 * timing.MedianMs!.Value, "0.0"), Text(1e3 * timing.MinMs!.Value, "0.0"), Text(100 * timing.CoefficientOfVariation!.Value, "0.0") + "%", Text(timing.MacsPerSecond!.Value / 1e9, "0.0"), Text(100 * timing.PeakShare!.Value, "0.0") + "%", Text(timing.Runs!.Value, "0")];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        foreach (var timing in result.Tactics)
            if (timing.Refused is { } reason) console.Line($"- {timing.Tactic}: {reason}");
    }

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
