namespace Pith.Cli.Reporting.Html;

/// <summary>A point of a <see cref="ScatterChart"/>.</summary>
/// <param name="Label">What stands beside it; empty for nothing.</param>
/// <param name="X">Its place on the horizontal axis.</param>
/// <param name="Y">Its height.</param>
/// <param name="Style">The style class of its dot: <c>dense</c>, <c>sparse</c>, <c>series-2</c> …</param>
internal sealed record ScatterPoint(string Label, double X, double Y, string Style);

/// <summary>Points over two numeric axes, with a line across at the value that is aimed for.</summary>
internal static class ScatterChart
{
    private const int Width = 720, Height = 360;
    private const int Left = 64, Right = 130, Top = 16, Bottom = 52;
    private const int LabelDistance = 14;

    /// <summary>Draws a chart.</summary>
    /// <param name="title">What it shows, for people who hear the page.</param>
    /// <param name="xTitle">What stands below the horizontal axis.</param>
    /// <param name="yTitle">What stands above the vertical axis.</param>
    /// <param name="points">The points; there is at least one.</param>
    /// <param name="aim">The value that is drawn as a line across; null for none.</param>
    public static string Draw(string title, string xTitle, string yTitle, IReadOnlyList<ScatterPoint> points, double? aim)
    {
        var vertical = new Axis(Math.Min(aim ?? 0, points.Min(point => point.Y)), Math.Max(aim ?? 0, points.Max(point => point.Y)), Height - Bottom, Top + 16);
        var horizontal = new Axis(0, points.Max(point => point.X), Left, Width - Right);
        var svg = new Svg(Width, Height, title);
        foreach (var tick in vertical.Ticks)
        {
            svg.Line(Left, vertical.Pixel(tick), Width - Right, vertical.Pixel(tick), "grid");
            svg.Text(Left - 8, vertical.Pixel(tick) + 4, vertical.Format(tick), "tick", "end");
        }
        foreach (var tick in horizontal.Ticks) svg.Text(horizontal.Pixel(tick), Height - Bottom + 18, horizontal.Format(tick), "tick", "middle");
        if (aim is { } across) svg.Line(Left, vertical.Pixel(across), Width - Right, vertical.Pixel(across), "baseline");
        svg.Text((Left + Width - Right) / 2.0, Height - 10, xTitle, "tick", "middle");
        svg.Text(Left, Top, yTitle, "tick");
        foreach (var point in points) svg.Dot(horizontal.Pixel(point.X), vertical.Pixel(point.Y), 5, point.Style);
        // From top to bottom, each below the one before where they would touch.
        var last = double.NegativeInfinity;
        foreach (var point in points.Where(point => point.Label.Length > 0).OrderBy(point => vertical.Pixel(point.Y)))
        {
            last = Math.Max(vertical.Pixel(point.Y) + 4, last + LabelDistance);
            svg.Text(horizontal.Pixel(point.X) + 10, last, point.Label, "label");
        }
        return svg.ToString();
    }
}
