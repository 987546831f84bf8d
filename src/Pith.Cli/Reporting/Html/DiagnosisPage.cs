using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws a <see cref="Diagnosis"/> as one self-contained HTML page: verdict, error by depth, cost of layers, distributions.</summary>
internal static class DiagnosisPage
{
    private const int ShownLayers = 15, ShownHistograms = 16, LongestLabel = 24;

    public static string Render(Diagnosis diagnosis, string model, string? floatModel, string data)
    {
        var page = HtmlPage.Begin($"what quantization costs {model}");
        page.Append(CultureInfo.InvariantCulture, $"<h1>What quantization costs {Encode(model)}</h1><p class=\"lead\">{Encode(diagnosis.Findings[0].Message)}</p>\n");
        page.Append(Findings(diagnosis));
        page.Append(Section("Error by depth", "Signal-to-noise ratio of each quantized activation against the float network, in execution order. Higher is better. The simulator's is the error of all layers before; the engine's has the rounding of the tensor itself in it.", ByDepth(diagnosis)));
        if (diagnosis.Layers.Any(layer => layer.Gain is not null)) page.Append(Costs(diagnosis));
        if (diagnosis.FloatLayers.Count > 0)
            page.Append(Section("Layers kept in float", "Signal-to-noise ratio of the outputs with the costliest layers in float together, all others in INT8. The dashed line is all in INT8.", InFloat(diagnosis)));
        page.Append(Histograms(diagnosis));
        page.Append(LayerTable(diagnosis));
        page.Append(TensorTable(diagnosis));
        return HtmlPage.End(page, PithVersion.Text, string.Create(CultureInfo.InvariantCulture, $"{model}, float: {floatModel ?? "made from it by taking the Q/DQ pairs out"} · {diagnosis.Images} images of {data}"));
    }

    private static string Findings(Diagnosis diagnosis)
    {
        var list = new StringBuilder("<ul class=\"findings\">\n");
        foreach (var finding in diagnosis.Findings.Skip(1))
            list.Append(CultureInfo.InvariantCulture, $"<li{(finding.Severity == FindingSeverity.Warning ? " class=\"warning\"" : "")}>{Encode(finding.Message)}{(finding.Next is { } next ? $" <span class=\"next\">Next: {Encode(next)}</span>" : "")}</li>\n");
        return list.Append("</ul>\n").ToString();
    }

    private static string ByDepth(Diagnosis diagnosis)
    {
        var tensors = diagnosis.Tensors;
        var series = new[] { Line("simulator", tensor => tensor.Simulator), Line("engine", tensor => tensor.Engine) }.Where(line => line.Points.Count > 0).ToArray();
        return series.Length == 0 ? "" : LineChart.Draw("Error by depth", "quantized activation, in execution order; dB", [.. Enumerable.Range(1, tensors.Count).Select(i => i.ToString(CultureInfo.InvariantCulture))], series, baseline: null);

        LineSeries Line(string label, Func<TensorDiagnosis, TensorError?> error) => new(label, [.. from i in Enumerable.Range(0, tensors.Count)
            let decibels = error(tensors[i])?.SnrDecibels
            where decibels is { } value && double.IsFinite(value)
            select new LinePoint(i, decibels.Value, decibels.Value, decibels.Value)]);
    }

    private static string Costs(Diagnosis diagnosis)
    {
        var alone = diagnosis.Layers.Where(layer => layer.Share is not null).OrderByDescending(layer => layer.Share).Take(ShownLayers).ToArray();
        var gains = DiagnosisText.ByCost(diagnosis).Where(layer => layer.Gain is not null).Take(ShownLayers).ToArray();
        return Section("What a layer costs by itself", "Only this layer is quantized, all others are in float: its error at the outputs, as a share of the sum over all layers.",
                RowChart.Bars("What a layer costs by itself", "share of the summed error, %", [.. alone.Select(layer => new ChartRow(DiagnosisText.Short(layer.Name, LongestLabel), 100 * layer.Share!.Value, $"{DiagnosisText.Percent(layer.Share)}, {DiagnosisText.Decibels(layer.ErrorAlone)} dB", "dense"))]))
            + Section("What the network gains with a layer in float", "Only this layer is in float, all others are quantized: the part of the network's error that goes away.",
                RowChart.Bars("What the network gains with a layer in float", "part of the error, %", [.. gains.Select(layer => new ChartRow(DiagnosisText.Short(layer.Name, LongestLabel), 100 * Math.Max(0, layer.Gain!.Value), $"{DiagnosisText.Percent(layer.Gain)}, {DiagnosisText.Decibels(layer.ErrorWithout)} dB", "sparse"))]));
    }

    private static string InFloat(Diagnosis diagnosis)
    {
        var points = diagnosis.FloatLayers.Select((trial, i) => (Position: i, Decibels: Diagnosis.Decibels(trial.Error))).Where(point => double.IsFinite(point.Decibels)).Select(point => new LinePoint(point.Position, point.Decibels, point.Decibels, point.Decibels)).ToArray();
        return points.Length == 0 ? "" : LineChart.Draw("Layers kept in float", "layers in float; dB", [.. diagnosis.FloatLayers.Select(trial => trial.Layers.Count.ToString(CultureInfo.InvariantCulture))], [new LineSeries("outputs", points)], Diagnosis.Decibels(diagnosis.Error));
    }

    // Those of the costliest layers, then those that clip most.
    private static string Histograms(Diagnosis diagnosis)
    {
        var costly = DiagnosisText.ByCost(diagnosis).Select(layer => DiagnosisText.InputOf(diagnosis, layer)).OfType<TensorDiagnosis>().Distinct().Take(ShownHistograms / 2);
        var chosen = costly.Concat(diagnosis.Tensors.OrderByDescending(tensor => Math.Max(tensor.Saturated * 1000, tensor.OutlierRatio))).Where(tensor => tensor.Histogram.Counts.Count > 0).Distinct().Take(ShownHistograms);
        var pictures = new StringBuilder();
        foreach (var tensor in chosen)
        {
            var range = tensor.High is { } high ? Math.Max(high, tensor.Min < 0 ? -tensor.Low!.Value : high) : (double?)null;
            pictures.Append(CultureInfo.InvariantCulture, $"<figure>{HistogramChart.Draw($"Distribution of {tensor.Name}", tensor.Histogram, range)}<figcaption>{Encode(DiagnosisText.Short(tensor.Name, 44))}<br>{Encode(Caption(tensor))}</figcaption></figure>\n");
        }
        return Section("Distributions and ranges", "|x| in the float network, counts on a logarithmic scale; the line is the end of the chosen range. First the inputs of the costliest layers, then the tensors with the most clipped values or the longest tails.", $"<div class=\"grid\">{pictures}</div>");
    }

    private static string Caption(TensorDiagnosis tensor)
    {
        var channels = tensor.Channels is { } use ? $", {use.FewLevels} of {use.Count} channels below {ChannelUse.FewLevelsBelow:0} levels{(use.Dead > 0 ? $", {use.Dead} dead" : "")}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"clipped {100 * tensor.Saturated:0.###}%, largest / 99.99% = {tensor.OutlierRatio:0.0}{channels}");
    }

    private static string LayerTable(Diagnosis diagnosis)
    {
        var table = new StringBuilder("<h2>Layers</h2><details><summary>All quantized layers, costliest first</summary><table class=\"layers\"><thead><tr><th>layer</th><th>type</th><th class=n>share alone</th><th class=n>dB alone</th><th class=n>gain in float</th><th class=n>dB without</th><th class=n>weight dB</th><th class=n>worst channel dB</th><th>activations</th></tr></thead><tbody>\n");
        foreach (var layer in DiagnosisText.ByCost(diagnosis))
        {
            string[] numbers = [DiagnosisText.Percent(layer.Share), DiagnosisText.Decibels(layer.ErrorAlone), DiagnosisText.Percent(layer.Gain), DiagnosisText.Decibels(layer.ErrorWithout), DiagnosisText.DecibelsOf(layer.Weight?.Error?.SnrDecibels), DiagnosisText.DecibelsOf(layer.Weight?.WorstChannelDecibels)];
            table.Append(CultureInfo.InvariantCulture, $"<tr><td>{Encode(layer.Name)}</td><td>{Encode(layer.OpType)}</td>{string.Concat(numbers.Select(Cell))}<td>{Encode(string.Join(", ", layer.Tensors))}</td></tr>\n");
        }
        return table.Append("</tbody></table></details>\n").ToString();
    }

    private static string TensorTable(Diagnosis diagnosis)
    {
        var table = new StringBuilder("<details><summary>All quantized activations, in execution order</summary><table class=\"layers\"><thead><tr><th>#</th><th>tensor</th><th class=n>scale</th><th class=n>from</th><th class=n>to</th><th class=n>smallest</th><th class=n>largest</th><th class=n>99.99%</th><th class=n>clipped</th><th class=n>simulator dB</th><th class=n>engine dB</th><th class=n>engine ≠ simulator</th><th class=n>channels</th><th class=n>few levels</th><th class=n>dead</th></tr></thead><tbody>\n");
        foreach (var (i, tensor) in diagnosis.Tensors.Index())
        {
            var (use, compared) = (tensor.Channels, tensor.Compared > 0 ? $"{tensor.Different} of {tensor.Compared}" : "");
            string[] cells = [DiagnosisText.Number(tensor.Scale), DiagnosisText.Number(tensor.Low), DiagnosisText.Number(tensor.High), DiagnosisText.Number(tensor.Min), DiagnosisText.Number(tensor.Max), DiagnosisText.Number(tensor.Bulk), DiagnosisText.Percent(tensor.Saturated), DiagnosisText.DecibelsOf(tensor.Simulator?.SnrDecibels), DiagnosisText.DecibelsOf(tensor.Engine?.SnrDecibels), compared, DiagnosisText.Number(use?.Count), DiagnosisText.Number(use?.FewLevels), DiagnosisText.Number(use?.Dead)];
            table.Append(CultureInfo.InvariantCulture, $"<tr><td>{i + 1}</td><td>{Encode(tensor.Name)}</td>{string.Concat(cells.Select(Cell))}</tr>\n");
        }
        return table.Append("</tbody></table></details>\n").ToString();
    }

    private static string Cell(string text) => $"<td class=n>{Encode(text)}</td>";

    private static string Section(string title, string text, string picture) => $"<section><h2>{Encode(title)}</h2><p>{Encode(text)}</p>{picture}</section>\n";

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
