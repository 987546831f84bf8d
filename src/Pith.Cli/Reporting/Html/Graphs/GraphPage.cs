using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>The page of <c>pith show</c>: one or two drawings of a network to pan, zoom and search, and a panel with the details of the chosen box. One file that loads nothing.</summary>
internal static class GraphPage
{
    private static readonly (string Style, string Text)[] s_legend = [("int8", "int8"), ("float32", "float32"), ("half", "16-bit float"), ("other", "other types"), ("qdq", "Q/DQ"), ("terminal", "input, output")];

    /// <param name="model">What the page is about.</param>
    /// <param name="summary">Lines about the whole network, for the panel while nothing is chosen.</param>
    /// <param name="drawings">The drawings; the first is shown first.</param>
    public static string Render(string model, IReadOnlyList<DrawnDetail> summary, IReadOnlyList<DrawnGraph> drawings)
    {
        var page = HtmlPage.Begin(model);
        page.Append(CultureInfo.InvariantCulture, $"<style>{GraphPageAssets.Css}</style><header><b>{Encode(model)}</b><span class=\"tabs\">");
        foreach (var drawing in drawings) page.Append(CultureInfo.InvariantCulture, $"<button type=\"button\" data-view=\"{Encode(drawing.Name)}\">{Encode(drawing.Name)} <small>{drawing.Nodes.Count(node => node.Style != "terminal")}</small></button>");
        page.Append("</span><input id=\"find\" type=\"search\" placeholder=\"find a name or op ( / )\" aria-label=\"find\"><span id=\"found\"></span><span class=\"tools\"><button type=\"button\" id=\"out\" aria-label=\"zoom out\">−</button><button type=\"button\" id=\"in\" aria-label=\"zoom in\">+</button><button type=\"button\" id=\"fit\">fit</button></span><span class=\"legend\">");
        foreach (var (style, text) in s_legend)
            if (drawings.SelectMany(drawing => drawing.Nodes).Any(node => node.Style == style)) page.Append(CultureInfo.InvariantCulture, $"<span class=\"{style}\"><i></i>{text}</span>");
        if (drawings.SelectMany(drawing => drawing.Nodes).Any(node => node.Zeros is not null)) page.Append("<span class=\"zeros\"><i></i>zeros</span>");
        if (drawings.SelectMany(drawing => drawing.Nodes).Any(node => node.TimeShare is not null)) page.Append("<span class=\"time\"><i></i>time</span>");
        page.Append("</span></header><section id=\"stage\">");
        foreach (var drawing in drawings) page.Append(CultureInfo.InvariantCulture, $"<div class=\"view\" data-view=\"{Encode(drawing.Name)}\">{GraphSvg.Draw(drawing)}</div>");
        page.Append("</section><aside id=\"panel\"></aside>\n");
        page.Append(CultureInfo.InvariantCulture, $"<script type=\"application/json\" id=\"data\">{Data(model, summary, drawings)}</script><script>{GraphPageAssets.Script}</script>\n");
        return HtmlPage.End(page, PithVersion.Text, model);
    }

    // Within a script element only "<" could end it.
    private static string Data(string model, IReadOnlyList<DrawnDetail> summary, IReadOnlyList<DrawnGraph> drawings) => JsonText.Of(new
    {
        Home = new DrawnSection(model, summary),
        Nodes = drawings.SelectMany(drawing => drawing.Nodes).ToDictionary(node => node.Id, node => new { node.Title, node.Name, node.Details }),
    }).Replace("<", "\\u003c", StringComparison.Ordinal);

    private static string Encode(string text) => WebUtility.HtmlEncode(SafeText.Of(text));
}
