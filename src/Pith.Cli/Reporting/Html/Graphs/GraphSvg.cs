using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>Draws a <see cref="DrawnGraph"/> as SVG: boxes by <see cref="LayeredLayout"/>, lines as curves.</summary>
internal static class GraphSvg
{
    private const double NarrowWidth = 6.6, WideWidth = 12, MaxWidth = 36 * NarrowWidth, TitleHeight = 22, LineHeight = 15, Padding = 9, MinWidth = 74;

    public static string Draw(DrawnGraph graph)
    {
        var edges = graph.Edges.Select(edge => (edge.From, edge.To)).ToArray();
        var layout = LayeredLayout.Of([.. graph.Nodes.Select(SizeOf)], edges);
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg class=\"net\" data-width=\"{layout.Width:0}\" data-height=\"{layout.Height:0}\" role=\"img\" aria-label=\"{Encode(graph.Name)}\"><g class=\"world\">\n");
        for (var i = 0; i < edges.Length; i++) svg.Append(CultureInfo.InvariantCulture, $"<path class=\"edge\" data-f=\"{graph.Nodes[edges[i].From].Id}\" data-t=\"{graph.Nodes[edges[i].To].Id}\" d=\"{Curve(layout.RouteOf(i))}\"/>\n");
        foreach (var label in Labels(graph, layout)) svg.Append(label);
        var longest = graph.Nodes.Max(node => node.TimeShare) ?? 0;
        for (var i = 0; i < graph.Nodes.Count; i++) Box(svg, graph.Nodes[i], layout.CornerOf(i), longest);
        return svg.Append("</g></svg>\n").ToString();
    }

    private static (double Width, double Height) SizeOf(DrawnNode node)
    {
        var width = node.Lines.Append(node.Style == "terminal" ? node.Name : node.Title + "  ").Max(line => Short(line).EnumerateRunes().Sum(WidthOf));
        return (Math.Max(MinWidth, width + 2 * Padding), TitleHeight + node.Lines.Count * LineHeight + (node.Lines.Count > 0 ? 5 : 0) + (node.Zeros is null ? 0 : 5) + (node.TimeShare is null ? 0 : 7));
    }

    private static void Box(StringBuilder svg, DrawnNode node, (double X, double Y) corner, double longest)
    {
        var (width, height) = SizeOf(node);
        svg.Append(CultureInfo.InvariantCulture, $"<g class=\"node {node.Style}\" id=\"{node.Id}\" tabindex=\"0\" transform=\"translate({corner.X:0.#},{corner.Y:0.#})\"><title>{Encode(node.Name)}</title><rect class=\"body\" width=\"{width:0.#}\" height=\"{height:0.#}\" rx=\"5\"/>");
        svg.Append(CultureInfo.InvariantCulture, $"<path class=\"head\" d=\"M0 {TitleHeight}V5a5 5 0 0 1 5-5H{width - 5:0.#}a5 5 0 0 1 5 5V{TitleHeight}Z\"/><text class=\"t\" x=\"{Padding}\" y=\"15\">{Encode(Short(node.Style == "terminal" ? node.Name : node.Title))}</text>");
        var y = TitleHeight + 14;
        foreach (var line in node.Lines)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Padding}\" y=\"{y:0.#}\">{Encode(Short(line))}</text>");
            y += LineHeight;
        }
        y -= 8;
        if (node.Zeros is { } zeros)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"track\" x=\"{Padding}\" y=\"{y:0.#}\" width=\"{width - 2 * Padding:0.#}\" height=\"3\"/><rect class=\"zeros\" x=\"{Padding}\" y=\"{y:0.#}\" width=\"{(width - 2 * Padding) * zeros:0.#}\" height=\"3\"/>");
            y += 6;
        }
        if (node.TimeShare is { } share && longest > 0) svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"track\" x=\"{Padding}\" y=\"{y:0.#}\" width=\"{width - 2 * Padding:0.#}\" height=\"4\"/><rect class=\"time\" x=\"{Padding}\" y=\"{y:0.#}\" width=\"{(width - 2 * Padding) * share / longest:0.#}\" height=\"4\"/>");
        svg.Append("</g>\n");
    }

    // One label for each value, below the box that computes it.
    private static IEnumerable<string> Labels(DrawnGraph graph, LayeredLayout layout)
    {
        var seen = new HashSet<int>();
        for (var i = 0; i < graph.Edges.Count; i++)
        {
            var edge = graph.Edges[i];
            if (graph.Nodes[edge.From].Style == "terminal" || !seen.Add(edge.From)) continue;
            var (x, y) = layout.RouteOf(i)[0];
            yield return string.Create(CultureInfo.InvariantCulture, $"<text class=\"shape\" x=\"{x + 5:0.#}\" y=\"{y + 13:0.#}\">{Encode(Short(edge.Label))}</text>\n");
        }
    }

    /// <summary>Vertical at each point, straight through rows that the line passes.</summary>
    private static string Curve(IReadOnlyList<(double X, double Y)> route)
    {
        var path = new StringBuilder();
        path.Append(CultureInfo.InvariantCulture, $"M{route[0].X:0.#} {route[0].Y:0.#}");
        for (var i = 1; i < route.Count; i++)
        {
            var ((x0, y0), (x1, y1)) = (route[i - 1], route[i]);
            if (Math.Abs(x0 - x1) < 0.5) path.Append(CultureInfo.InvariantCulture, $"L{x1:0.#} {y1:0.#}");
            else path.Append(CultureInfo.InvariantCulture, $"C{x0:0.#} {(y0 + y1) / 2:0.#} {x1:0.#} {(y0 + y1) / 2:0.#} {x1:0.#} {y1:0.#}");
        }
        return path.ToString();
    }

    private static string Short(string text)
    {
        var (width, length) = (NarrowWidth, 0); // of the ellipsis
        foreach (var rune in text.EnumerateRunes())
        {
            width += WidthOf(rune);
            if (width > MaxWidth) return text[..length] + "…";
            length += rune.Utf16SequenceLength;
        }
        return text;
    }

    // Hangul, Chinese, Japanese and pictures are about twice as wide as letters.
    private static double WidthOf(Rune rune) => rune.Value < 0x1100 ? NarrowWidth : WideWidth;

    private static string Encode(string text) => WebUtility.HtmlEncode(SafeText.Of(text));
}
