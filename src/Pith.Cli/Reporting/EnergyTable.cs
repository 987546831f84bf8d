using System.Globalization;
using Pith.Benchmarking;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>Energy in the terminal.</summary>
internal static class EnergyTable
{
    /// <summary>A row for each engine; one line when the machine does not tell.</summary>
    public static void Draw(IAnsiConsole console, IReadOnlyList<(string Engine, EnergyResult? Energy)> rows)
    {
        if (rows.Select(row => row.Energy).OfType<EnergyResult>().FirstOrDefault() is not { } first)
        {
            console.Line($"energy: not available here");
            return;
        }
        console.Line($"energy of {first.Source}, the idle machine and other programs included, each engine by itself");
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("engine").PadRight(0));
        foreach (var title in (string[])["joules/image", "images/joule", "watts"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        foreach (var (engine, energy) in rows) table.AddRow([.. ((string[])[engine, Text(energy?.JoulesPerImage, "0.00000"), Text(energy?.ImagesPerJoule, "0.00"), Text(energy?.Watts, "0.0")]).Select(SafeText.Cell)]);
        console.Write(table);
    }

    private static string Text(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? "";
}
