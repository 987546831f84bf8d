using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws an <see cref="OptimizationResult"/> as one self-contained HTML page: accuracy against measured speed, and what was chosen for each layer.</summary>
internal static class OptimizationPage
{
    // Losses above this multiple of the allowed drop do not set the scale of the chart.
    private const double Beyond = 5;

    /// <summary>Renders the page.</summary>
    /// <param name="result">The search.</param>
    /// <param name="model">The network's name.</param>
    public static string Render(OptimizationResult result, string model)
    {
        var page = HtmlPage.Begin($"{model}, precision and sparsity");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Encode(model)}: precision and sparsity</h1><p class=\"lead\">{Encode(result.Verdict)}</p>\n");
        page.Append(CultureInfo.InvariantCulture, $"<section><h2>The front</h2><p>What networks lose against float, and how many times as fast as float they are, each timed in turn with the float network. The dashed line is the drop that is allowed.</p>{Chart(result)}{Trials(result)}</section>\n");
        page.Append(CultureInfo.InvariantCulture, $"<section><h2>Layers</h2><p>What was chosen for each layer with weights.</p>{Layers(result)}</section>\n");
        return HtmlPage.End(page, PithVersion.Text, string.Create(CultureInfo.InvariantCulture, $"{result.Machine} · batch {result.Settings.Batch}"));
    }

    private static string Chart(OptimizationResult result)
    {
        var front = result.Front.ToHashSet();
        ScatterPoint[] points = [.. result.Trials.Select(trial => new ScatterPoint(trial == result.Chosen ? "chosen" : front.Contains(trial) || trial == result.Trials[0] ? trial.Name : "", trial.Speedup, double.IsFinite(trial.Loss) ? trial.Loss : 100, trial == result.Chosen ? "sparse" : front.Contains(trial) ? "series-2" : "dense"))];
        double? allowed = double.IsFinite(result.Settings.Allowed) ? result.Settings.Allowed : null;
        // The fastest network may have lost all of its accuracy; the interesting ones lie near the allowed drop.
        var most = allowed is { } drop ? Beyond * Math.Max(drop, result.Chosen.Loss) : double.PositiveInfinity;
        return ScatterChart.Draw("What networks lose against their speed", "times as fast as float", SearchTable.LossTitle(result.Settings.Metric), points, allowed, most);
    }

    private static string Trials(OptimizationResult result)
    {
        var table = new StringBuilder($"<table class=layers><thead><tr><th>network</th><th class=n>{Encode(SearchTable.LossTitle(result.Settings.Metric))}</th><th class=n>ms</th><th class=n>times as fast as float</th><th>layers</th></tr></thead><tbody>\n");
        foreach (var trial in result.Trials.OrderByDescending(trial => trial.Speedup))
            table.Append(CultureInfo.InvariantCulture, $"<tr><td>{Encode(trial.Name)}{(trial == result.Chosen ? ", chosen" : "")}</td><td class=n>{SearchTable.Loss(result.Settings.Metric, trial.Loss)}</td><td class=n>{trial.MedianMs:0.000}</td><td class=n>{trial.Speedup:0.00}</td><td>{Encode(trial.Summary)}</td></tr>\n");
        return table.Append("</tbody></table>").ToString();
    }

    private static string Layers(OptimizationResult result)
    {
        var table = new StringBuilder("<table class=layers><thead><tr><th>layer</th><th>chosen</th></tr></thead><tbody>\n");
        foreach (var (layer, option) in result.Chosen.Layers) table.Append(CultureInfo.InvariantCulture, $"<tr><td>{Encode(layer)}</td><td>{Encode(option)}</td></tr>\n");
        return table.Append("</tbody></table>").ToString();
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
