using System.Globalization;
using System.Net;
using Pith.Benchmarking;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws a <see cref="RateSweep"/> as one self-contained HTML page.</summary>
internal static class RateSweepPage
{
    /// <summary>Renders the page.</summary>
    /// <param name="sweep">The sweep.</param>
    /// <param name="model">The network's name.</param>
    public static string Render(RateSweep sweep, string model)
    {
        var page = HtmlPage.Begin($"{model}, learning rate");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Encode(model)}: loss against the learning rate</h1><p class=\"lead\">{Encode(RateSweepChart.Verdict(sweep))}</p>\n");
        if (sweep.Points.Count > 0)
            page.Append(CultureInfo.InvariantCulture, $"<section><p>One training step for each point, the rate growing by the same factor from step to step; smoothed over about ten steps. Single losses far above the smoothed ones are cut off.</p>{Chart(sweep)}</section>\n");
        return HtmlPage.End(page, PithVersion.Text, MachineDescription.Text);
    }

    private static string Chart(RateSweep sweep)
    {
        // One exploded loss would leave nothing to see of the others.
        var most = 1.2 * sweep.Points.Max(point => point.Smoothed);
        return LineChart.Draw("Loss against the learning rate", "learning rate", [.. sweep.Points.Select(point => point.Rate.ToString("0e0", CultureInfo.InvariantCulture))],
            [LineSeries.Of("loss", sweep.Points.Select(point => (double?)Math.Min(point.Loss, most))), LineSeries.Of("smoothed", sweep.Points.Select(point => (double?)point.Smoothed))], baseline: null);
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
