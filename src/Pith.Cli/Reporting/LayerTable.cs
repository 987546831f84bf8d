using System.Globalization;
using Pith.Compression;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>The per-layer table of an engine in the terminal.</summary>
internal static class LayerTable
{
    private const int BarWidth = 20;

    /// <param name="console">Where to draw.</param>
    /// <param name="layers">The layers, with multiply-accumulates for one image.</param>
    /// <param name="batch">The images of the runs that were timed.</param>
    public static void Draw(IAnsiConsole console, IReadOnlyList<LayerResult> layers, int batch)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "kind", "precision", "sparsity");
        foreach (var title in (string[])["MMACs", "GMAC/s", "µs"]) table.AddColumn(new TableColumn(title).RightAligned());
        table.AddColumns("share", "tactic");
        foreach (var layer in layers)
        {
            string[] cells =
            [
                layer.Name, layer.Kind, layer.Precision, layer.Sparsity ?? "",
                layer.Macs > 0 ? (layer.Macs / 1e6).ToString("0.00", CultureInfo.InvariantCulture) : "",
                layer.Macs > 0 ? (layer.Macs * batch / Math.Max(layer.Microseconds, 1e-3) / 1e3).ToString("0", CultureInfo.InvariantCulture) : "",
                layer.Microseconds.ToString("0.0", CultureInfo.InvariantCulture),
                $"{new string('█', (int)Math.Round(layer.TimeShare * BarWidth))} {StageText.Percent(layer.TimeShare)}",
                layer.Tactic,
            ];
            table.AddRow([.. cells.Select(Markup.Escape)]);
        }
        console.Write(table);
    }
}
