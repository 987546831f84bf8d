using System.Globalization;
using System.Net;
using System.Text;
using Pith.Benchmarking;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws a <see cref="SearchResult"/> as one self-contained HTML page: accuracy against measured latency, every network that was measured, and what each layer costs.</summary>
internal static class SearchPage
{
    /// <summary>Renders the page.</summary>
    /// <param name="result">The search.</param>
    /// <param name="model">The network's name.</param>
    public static string Render(SearchResult result, string model)
    {
        var page = HtmlPage.Begin($"{model}, accuracy against latency");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Encode(model)}: accuracy against latency</h1><p class=\"lead\">{Encode(result.Verdict)}</p>\n");
        page.Append(CultureInfo.InvariantCulture, $"<section><h2>The front</h2><p>What networks lose against float, and the median time of a run, all timed in turn. The dashed line is the target: what lies below it loses less.</p>{Chart(result)}{Front(result)}</section>\n");
        page.Append(CultureInfo.InvariantCulture, $"<section><h2>Trials</h2><p>Every network that was measured on {Encode(result.Images)}, in order.</p>{Trials(result)}</section>\n");
        if (result.Sensitivities.Count > 0) page.Append(CultureInfo.InvariantCulture, $"<section><h2>Layers</h2><p>By how much the error of the outputs is smaller with one layer alone in float, on calibration images.</p>{Layers(result)}</section>\n");
        return HtmlPage.End(page, PithVersion.Text, MachineDescription.Text);
    }

    private static string Chart(SearchResult result) => result.Front.Count == 0 ? "" : ScatterChart.Draw("What networks lose against their latency", "ms", SearchTable.LossTitle(result.Settings.Metric),
        [.. result.Front.Select(point => new ScatterPoint(point.Name, point.MedianMs, double.IsFinite(point.Loss) ? point.Loss : 100, point.Trial is null ? "dense" : point.Trial == result.Chosen ? "sparse" : "series-2"))], result.Settings.MaxDrop);

    private static string Front(SearchResult result)
    {
        var table = new StringBuilder($"<table><thead><tr><th>network</th><th class=n>MACs in INT8</th><th class=n>{Encode(SearchTable.LossTitle(result.Settings.Metric))}</th><th class=n>ms</th><th class=n>times as fast as float</th></tr></thead><tbody>\n");
        foreach (var point in result.Front)
            table.Append(CultureInfo.InvariantCulture, $"<tr><td>{Encode(point.Name)}</td><td class=n>{100 * (point.Trial?.Int8Share ?? 0):0.0}%</td><td class=n>{SearchTable.Loss(result.Settings.Metric, point.Loss)}</td><td class=n>{point.MedianMs:0.000}</td><td class=n>{point.Speedup:0.00}</td></tr>\n");
        return table.Append("</tbody></table>").ToString();
    }

    private static string Trials(SearchResult result)
    {
        var table = new StringBuilder("<table class=layers><thead><tr><th class=n>layers in float</th><th class=n>MACs in INT8</th><th>loss</th><th>target</th></tr></thead><tbody>\n");
        foreach (var trial in result.Trials)
            table.Append(CultureInfo.InvariantCulture, $"<tr><td class=n>{trial.FloatLayers.Count}</td><td class=n>{100 * trial.Int8Share:0.0}%</td><td>{Encode(result.LossOf(trial))}</td><td>{(trial.Holds ? "met" : "")}{(trial == result.Chosen ? ", chosen" : "")}</td></tr>\n");
        return table.Append("</tbody></table>").ToString();
    }

    private static string Layers(SearchResult result)
    {
        var table = new StringBuilder("<table class=layers><thead><tr><th>layer</th><th>type</th><th class=n>share of the MACs</th><th class=n>error less</th><th></th></tr></thead><tbody>\n");
        foreach (var layer in result.Sensitivities.OrderByDescending(layer => layer.Gain))
            table.Append(CultureInfo.InvariantCulture, $"<tr><td>{Encode(layer.Layer.Name)}</td><td>{Encode(layer.Layer.OpType)}</td><td class=n>{100 * layer.Layer.Share:0.0}%</td><td class=n>{100 * layer.Gain:0.0}%</td><td>{(result.Chosen.FloatLayers.Contains(layer.Layer.Name) ? "in float" : "")}</td></tr>\n");
        return table.Append("</tbody></table>").ToString();
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
