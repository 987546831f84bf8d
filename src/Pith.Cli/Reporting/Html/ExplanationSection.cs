using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>The part of the report that says what 2:4 sparsity brings to each layer of the stages that are sparse.</summary>
internal static class ExplanationSection
{
    public static string Render(IReadOnlyList<StageResult> stages)
    {
        var section = new StringBuilder("<h2>Sparsity by layer</h2><p>Microseconds of the fastest kernel of each form of weights, each measured alone when the engine was built. The share is the layer's part of the network's time.</p>\n");
        foreach (var stage in stages)
            if (stage.Explanation is { } explanation) section.Append(Table(stage.Name, explanation));
        return section.ToString();
    }

    private static string Table(string stage, EngineExplanation explanation)
    {
        var forms = ExplanationText.Forms(explanation);
        var table = new StringBuilder();
        table.Append(CultureInfo.InvariantCulture, $"<details><summary>{Encode(stage)}: {Encode(ExplanationText.Counts(explanation))}. {Encode(ExplanationText.Total(explanation))}</summary><table class=\"layers\"><thead><tr><th>layer</th><th>sums over</th><th>2:4</th>");
        foreach (var form in forms) table.Append(CultureInfo.InvariantCulture, $"<th class=n>{Encode(form)}, µs</th>");
        table.Append("<th>choice</th><th>kernel</th><th>share of time</th></tr></thead><tbody>\n");
        foreach (var layer in explanation.Layers.Where(layer => layer.IsEligible is not null))
        {
            table.Append(CultureInfo.InvariantCulture, $"<tr><td>{Encode(layer.Name)}</td><td>{Encode(ExplanationText.Axis(layer))}</td><td>{Encode(ExplanationText.Pattern(layer))}</td>");
            foreach (var form in forms) table.Append(CultureInfo.InvariantCulture, $"<td class=n>{Encode(ExplanationText.Time(layer, form))}</td>");
            table.Append(CultureInfo.InvariantCulture, $"<td>{Encode(ExplanationText.Choice(layer))}</td><td>{Encode(layer.Tactic)}</td><td><span class=\"share\" style=\"width:{120 * layer.TimeShare:0}px\"></span> {StageText.Percent(layer.TimeShare)}</td></tr>\n");
        }
        return table.Append("</tbody></table></details>\n").ToString();
    }

    private static string Encode(string text) => WebUtility.HtmlEncode(text);
}
