using System.Globalization;
using System.Net;
using System.Text;

namespace Pith.Cli.Reporting.Html;

/// <summary>Builds one inline SVG picture; coordinates in pixels, origin top left. Colours and fonts come from the page's style sheet by class.</summary>
internal sealed class Svg
{
    private readonly StringBuilder _body = new();
    private readonly int _width;
    private readonly int _height;
    private readonly string _label;

    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="label">What the picture shows, for people who hear the page.</param>
    public Svg(int width, int height, string label)
    {
        _width = width;
        _height = height;
        _label = label;
    }

    public void Line(double x1, double y1, double x2, double y2, string style) =>
        _body.Append(CultureInfo.InvariantCulture, $"<line x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\" class=\"{style}\"/>");

    public void Box(double x, double y, double width, double height, string style) =>
        _body.Append(CultureInfo.InvariantCulture, $"<rect x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{Math.Max(0, width):0.#}\" height=\"{height:0.#}\" rx=\"2\" class=\"{style}\"/>");

    public void Dot(double x, double y, double radius, string style) =>
        _body.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{x:0.#}\" cy=\"{y:0.#}\" r=\"{radius:0.#}\" class=\"{style}\"/>");

    /// <summary>Writes <paramref name="text"/> with its baseline at <paramref name="y"/>; the anchor is <c>start</c>, <c>middle</c> or <c>end</c>.</summary>
    public void Text(double x, double y, string text, string style, string anchor = "start") =>
        _body.Append(CultureInfo.InvariantCulture, $"<text x=\"{x:0.#}\" y=\"{y:0.#}\" class=\"{style}\" text-anchor=\"{anchor}\">{WebUtility.HtmlEncode(text)}</text>");

    public override string ToString() =>
        $"<svg viewBox=\"0 0 {_width} {_height}\" width=\"{_width}\" height=\"{_height}\" role=\"img\" aria-label=\"{WebUtility.HtmlEncode(_label)}\">{_body}</svg>";
}
