using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws a <see cref="RecipeReport"/> as one self-contained HTML page: no scripts, no fonts, no files beside it.</summary>
internal static class HtmlReport
{
    public static void Write(RecipeReport report, string path) => AtomicFile.WriteText(path, Render(report));

    public static string Render(RecipeReport report)
    {
        var page = HtmlPage.Begin(report.Recipe);
        page.Append(CultureInfo.InvariantCulture, $"<h1>{Encode(report.Recipe)}</h1><p class=\"lead\">{Encode(Lead(report))}</p>\n");
        page.Append(StageTable(report));
        page.Append(Section("Accuracy by stage", $"Top-1 on the test set ({report.TestData}), with the 95% interval for a sample of that size (Wilson). The axis does not start at zero.", AccuracyChart(report)));
        foreach (var batch in StageText.Batches(report))
            page.Append(Section($"Latency by stage, batch {batch}", $"Median of one run on {report.Threads} threads, all stages measured in turn in one process. Shorter is better.", LatencyChart(report, batch)));
        page.Append(Section("Size by stage", "Bytes of the weights as the engine holds them.", SizeChart(report)));
        foreach (var stage in report.Stages.Where(stage => stage.Training is { Curve.Count: > 0 }))
            page.Append(CultureInfo.InvariantCulture, $"<section><h2>Training of {Encode(stage.Name)}</h2>{TrainingCurves.Render(stage.Training!.Curve)}</section>\n");
        page.Append("<h2>Layers</h2><p>One engine per stage. Time is the median of profile runs of their own, as a share of the stage's sum.</p>\n");
        foreach (var stage in report.Stages) page.Append(LayerSection(stage));
        if (report.Stages.Any(stage => stage.Explanation is not null)) page.Append(ExplanationSection.Render(report.Stages));
        return HtmlPage.End(page, report.PithVersion, string.Create(CultureInfo.InvariantCulture, $"{report.Machine} · {report.Finished:yyyy-MM-dd HH:mm} UTC · {report.Seconds:0} s"));
    }

    private static string Lead(RecipeReport report)
    {
        var baseline = report.Stages.First(stage => stage.Name == report.Baseline);
        var last = report.Stages[^1];
        if (ReferenceEquals(baseline, last)) return $"One stage: {baseline.Name}, top-1 {Percent(baseline.Accuracy.Top1)}.";
        return $"From {baseline.Name} to {last.Name}: top-1 {Percent(baseline.Accuracy.Top1)} → {Percent(last.Accuracy.Top1)}, "
            + $"weights {baseline.WeightBytes / (double)Math.Max(1, last.WeightBytes):0.0}x smaller, {last.Latency[0].Speedup:0.00}x the speed at batch {last.Latency[0].Timing.Batch}.";
    }

    private static string StageTable(RecipeReport report)
    {
        var columns = StageColumn.Of(report);
        var table = new StringBuilder("<table><thead><tr>");
        foreach (var column in columns) table.Append(CultureInfo.InvariantCulture, $"<th{ClassOf(column)}>{Encode(column.Title)}</th>");
        table.Append("</tr></thead><tbody>\n");
        foreach (var stage in report.Stages)
        {
            table.Append("<tr>");
            foreach (var column in columns) table.Append(CultureInfo.InvariantCulture, $"<td{ClassOf(column)}>{Encode(column.Cell(stage))}</td>");
            table.Append("</tr>\n");
        }
        return table.Append("</tbody></table>\n").ToString();
    }

    private static string ClassOf(StageColumn column) => column.IsNumber ? " class=n" : "";

    private static string AccuracyChart(RecipeReport report) => RowChart.Dots("Top-1 accuracy by stage", "top-1, %",
        [.. report.Stages.Select(stage => new ChartRow(stage.Name, 100 * stage.Accuracy.Top1, Percent(stage.Accuracy.Top1), Style(stage), 100 * stage.Accuracy.Top1Interval.Low, 100 * stage.Accuracy.Top1Interval.High))]);

    private static string LatencyChart(RecipeReport report, int batch) => RowChart.Bars($"Latency by stage at batch {batch}", "median, ms",
        [.. from stage in report.Stages
            let latency = StageText.LatencyAt(stage, batch)
            where latency is not null
            select new ChartRow(stage.Name, latency.Timing.MedianMs, string.Create(CultureInfo.InvariantCulture, $"{latency.Timing.MedianMs:0.00} ms, {latency.Speedup:0.00}x"), Style(stage))]);

    private static string SizeChart(RecipeReport report) => RowChart.Bars("Weight bytes by stage", "KiB",
        [.. report.Stages.Select(stage => new ChartRow(stage.Name, stage.WeightBytes / 1024.0, StageText.Bytes(stage.WeightBytes), Style(stage)))]);

    private static string LayerSection(StageResult stage)
    {
        var section = new StringBuilder();
        section.Append(CultureInfo.InvariantCulture, $"<details><summary>{Encode(stage.Name)}: {stage.Layers.Count} layers</summary><table class=\"layers\"><thead><tr><th>layer</th><th>kind</th><th>precision</th><th>sparsity</th><th class=n>zeros</th><th class=n>MMACs</th><th class=n>µs</th><th>share of time</th><th>tactic</th><th>note</th></tr></thead><tbody>\n");
        foreach (var layer in stage.Layers)
        {
            section.Append(CultureInfo.InvariantCulture, $"<tr><td>{Encode(layer.Name)}</td><td>{Encode(layer.Kind)}</td><td>{Encode(layer.Precision)}</td><td>{Encode(layer.Sparsity ?? "")}</td><td class=n>{(layer.ZeroShare is { } zeros ? Percent(zeros) : "")}</td>");
            section.Append(CultureInfo.InvariantCulture, $"<td class=n>{(layer.Macs > 0 ? (layer.Macs / 1e6).ToString("0.00", CultureInfo.InvariantCulture) : "")}</td><td class=n>{layer.Microseconds:0.0}</td><td><span class=\"share\" style=\"width:{120 * layer.TimeShare:0}px\"></span> {Percent(layer.TimeShare)}</td><td>{Encode(layer.Tactic)}</td><td>{Encode(layer.Note ?? "")}</td></tr>\n");
        }
        return section.Append("</tbody></table></details>\n").ToString();
    }

    private static string Section(string title, string text, string picture) => $"<section><h2>{Encode(title)}</h2><p>{Encode(text)}</p>{picture}</section>\n";

    private static string Style(StageResult stage) => stage.IsSparse ? "sparse" : "dense";

    private static string Percent(double share) => StageText.Percent(share);

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
