using System.Globalization;
using Spectre.Console;

namespace Pith.Cli.Reporting;

/// <summary>The front of a search in the terminal: what networks lose and how fast they are, and the layers that stay in float.</summary>
internal static class SearchTable
{
    public static void Draw(IAnsiConsole console, SearchResult result)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("network");
        foreach (var title in (string[])["MACs in INT8", LossTitle(result.Settings.Metric), "SNR", "ms", "times as fast as float", "half of the rounds"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        foreach (var point in result.Front)
        {
            string[] cells = [point.Name, Percent(point.Trial?.Int8Share ?? 0), Loss(result.Settings.Metric, point.Loss), Decibels(point.Trial?.Score.SnrDecibels ?? double.PositiveInfinity), Text(point.MedianMs, "0.000"), Text(point.Speedup, "0.00"), $"{Text(point.LowerQuartile, "0.00")} to {Text(point.UpperQuartile, "0.00")}"];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        if (result.Chosen.FloatLayers.Count > 0) console.Write(Layers(result));
        console.Line($"{result.Trials.Count} networks were measured on {result.Images}{(result.KeptTrials > 0 ? $"; {result.KeptTrials} measurements were reused from an earlier run" : "")}.");
        console.Line($"{result.Verdict}");
    }

    /// <summary>The title of a column with losses.</summary>
    public static string LossTitle(SearchMetric metric) => metric switch
    {
        SearchMetric.Top1 => "top-1 lost, points",
        SearchMetric.Agreement => "other class, %",
        _ => "error's energy, %",
    };

    /// <summary>A loss with as many digits as its metric has.</summary>
    public static string Loss(SearchMetric metric, double loss) => Text(loss, metric == SearchMetric.Snr ? "0.####" : "0.00");

    private static Table Layers(SearchResult result)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("in float", "type").AddColumn(new TableColumn("share of the MACs").RightAligned()).AddColumn(new TableColumn("error less with it alone").RightAligned());
        foreach (var layer in result.Sensitivities.Where(layer => result.Chosen.FloatLayers.Contains(layer.Layer.Name)))
        {
            string[] cells = [layer.Layer.Name, layer.Layer.OpType, Percent(layer.Layer.Share), Percent(layer.Gain)];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        return table;
    }

    private static string Decibels(double snr) => double.IsPositiveInfinity(snr) ? "exact" : $"{Text(snr, "0.0")} dB";

    private static string Percent(double share) => Text(100 * share, "0.0") + "%";

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);
}
