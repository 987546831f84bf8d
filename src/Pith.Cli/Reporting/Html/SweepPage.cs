using System.Globalization;
using System.Net;
using System.Text;
using Pith.Benchmarking;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws a <see cref="SweepReport"/> as one self-contained HTML page: the speed-up against batch and against resolution, and all times.</summary>
internal static class SweepPage
{
    public static string Render(SweepReport report)
    {
        var timed = report.Timed().ToArray();
        var (dense, sparse) = (Path.GetFileName(report.Dense), Path.GetFileName(report.Sparse));
        var page = HtmlPage.Begin($"{sparse} against {dense}");
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Encode(sparse)} against {Encode(dense)}</h1><p class=\"lead\">{Encode(Lead(report, timed))}</p>\n");
        if (timed.Length > 0)
        {
            page.Append(Section("Speed-up against batch", "Median time of the dense network over that of the sparse one, timed in turn. Bars hold half of the rounds. Above 1 the sparse network is faster.", ByBatch(timed)));
            if (timed.Any(point => point.Width > 0)) page.Append(Section("Speed-up against resolution", "The same by the size of the images, width by height in pixels.", ByResolution(timed)));
        }
        page.Append(Table(report));
        return HtmlPage.End(page, PithVersion.Text, string.Create(CultureInfo.InvariantCulture, $"{report.Machine} · {report.Threads} threads · {report.Seconds:0.##} s for each network and point"));
    }

    private static string Lead(SweepReport report, SweepPoint[] timed)
    {
        var rest = report.Points.Count < report.Planned ? $" {report.Points.Count} of {report.Planned} points are done." : "";
        return timed.Length == 0 ? "No point has times." + rest
            : string.Create(CultureInfo.InvariantCulture, $"{timed.Min(point => point.Speedup):0.00} to {timed.Max(point => point.Speedup):0.00} times as fast.{rest}");
    }

    private static string ByBatch(SweepPoint[] timed)
    {
        var batches = timed.Select(point => point.Batch).Distinct().Order().ToArray();
        LineSeries[] series = [.. from size in timed.GroupBy(point => (Pixels: (long)point.Width * point.Height, Text: point.Size())).OrderBy(entry => entry.Key.Pixels)
            select new LineSeries(size.Key.Text, [.. size.OrderBy(point => point.Batch).Select(point => Mark(Array.IndexOf(batches, point.Batch), point))])];
        return LineChart.Draw("Speed-up against batch", "batch", [.. batches.Select(batch => batch.ToString(CultureInfo.InvariantCulture))], series, baseline: 1);
    }

    private static string ByResolution(SweepPoint[] timed)
    {
        string[] sizes = [.. timed.OrderBy(point => (long)point.Width * point.Height).Select(point => point.Size()).Distinct()];
        LineSeries[] series = [.. from batch in timed.GroupBy(point => point.Batch).OrderBy(entry => entry.Key)
            select new LineSeries($"batch {batch.Key}", [.. batch.Select(point => Mark(Array.IndexOf(sizes, point.Size()), point)).OrderBy(point => point.Position)])];
        return LineChart.Draw("Speed-up against resolution", "images, pixels", sizes, series, baseline: 1);
    }

    private static LinePoint Mark(int position, SweepPoint point) => new(position, point.Speedup, Math.Min(point.Speedup, point.LowerQuartile), Math.Max(point.Speedup, point.UpperQuartile));

    private static string Table(SweepReport report)
    {
        var hasEnergy = report.Points.Any(point => point.DenseEnergy is not null);
        string[] titles = ["batch", "size", "dense, ms", "sparse, ms", "times as fast", "half of the rounds", .. hasEnergy ? (string[])["dense, J/image", "sparse, J/image"] : []];
        var table = new StringBuilder("<section><h2>Times</h2><table><thead><tr>");
        foreach (var title in titles) table.Append(CultureInfo.InvariantCulture, $"<th class=n>{title}</th>");
        table.Append("<th></th></tr></thead><tbody>\n");
        foreach (var point in report.Points)
        {
            string[] times = point.Failure is null ? [Text(point.DenseMs, "0.000"), Text(point.SparseMs, "0.000"), Text(point.Speedup, "0.00"), $"{Text(point.LowerQuartile, "0.00")} to {Text(point.UpperQuartile, "0.00")}"] : ["", "", "", ""];
            string[] energy = hasEnergy ? [Text(point.DenseEnergy?.JoulesPerImage, "0.00000"), Text(point.SparseEnergy?.JoulesPerImage, "0.00000")] : [];
            table.Append("<tr>");
            foreach (var cell in (string[])[Text(point.Batch, "0"), point.Size(), .. times, .. energy]) table.Append(CultureInfo.InvariantCulture, $"<td class=n>{Encode(cell)}</td>");
            table.Append(CultureInfo.InvariantCulture, $"<td>{Encode(point.Failure ?? "")}</td></tr>\n");
        }
        var source = report.Points.Select(point => point.DenseEnergy).OfType<EnergyResult>().FirstOrDefault() is { } measured ? $"<p>Energy of {Encode(measured.Source)}, the idle machine and other programs included, each network by itself.</p>" : "";
        return table.Append(CultureInfo.InvariantCulture, $"</tbody></table>{source}</section>\n").ToString();

        static string Text(double? number, string format) => number?.ToString(format, CultureInfo.InvariantCulture) ?? "";
    }

    private static string Section(string title, string text, string picture) => $"<section><h2>{Encode(title)}</h2><p>{Encode(text)}</p>{picture}</section>\n";

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
