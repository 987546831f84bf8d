using System.Globalization;
using Pith.Benchmarking;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>The per-layer profile of an engine in the terminal.</summary>
internal static class LayerTable
{
    // The other columns with the space between all.
    private const int NumberColumns = 60;

    /// <param name="console">Where to draw.</param>
    /// <param name="layers">The layers, with multiply-accumulates for one image.</param>
    /// <param name="batch">The images of the runs that were timed.</param>
    public static void Draw(IAnsiConsole console, IReadOnlyList<LayerResult> layers, int batch)
    {
        // 100 columns hold the names of most networks when columns that say nothing stay away.
        var hasSparse = layers.Any(layer => layer.Sparsity is not (null or "dense"));
        var hasRunnerUp = layers.Any(layer => layer.RunnerUp is not null) && console.Profile.Width >= NumberColumns + Longest(layer => layer.Name) + Longest(layer => layer.Tactic) + Longest(RunnerUp);
        var table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("layer").PadRight(0));
        foreach (var title in (string[])["µs", "share", "MMACs", "GMAC/s", "of peak"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap().PadRight(0));
        if (hasSparse) table.AddColumn(new TableColumn("weights").PadRight(0));
        table.AddColumn(new TableColumn("tactic").NoWrap().PadRight(0));
        if (hasRunnerUp) table.AddColumn(new TableColumn("runner-up, µs").NoWrap().PadRight(0));
        foreach (var layer in layers)
        {
            var cells = new List<string>
            {
                layer.Name,
                Text(layer.Microseconds, "0.0"),
                Text(100 * layer.TimeShare, "0.0") + "%",
                layer.Macs > 0 ? Text(layer.Macs * batch / 1e6, "0.00") : "",
                layer.MacsPerSecond is { } rate ? Text(rate / 1e9, "0.0") : "",
                layer.PeakShare is { } share ? Text(100 * share, "0") + "%" : "",
            };
            if (hasSparse) cells.Add(layer.Sparsity ?? "");
            cells.Add(layer.ReferenceReason is null ? layer.Tactic : $"{layer.Tactic} (plain loops)");
            if (hasRunnerUp) cells.Add(RunnerUp(layer));
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        ReferenceLoops.Draw(console, [.. layers.Select(layer => (layer.Name, layer.ReferenceReason))]);

        int Longest(Func<LayerResult, string> text) => layers.Max(layer => text(layer).Length);
    }

    private static string RunnerUp(LayerResult layer) => layer.RunnerUp is { } other ? $"{other} {Text(layer.RunnerUpMicroseconds!.Value, "0.0")}" : "";

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
