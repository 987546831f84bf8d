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
    /// <param name="most">Points above this value are drawn at the upper edge and labelled with their values, so that they do not compress the scale.</param>
    public static string Draw(string title, string xTitle, string yTitle, IReadOnlyList<ScatterPoint> points, double? aim, double most = double.PositiveInfinity)
    {
        var vertical = new Axis(Math.Min(aim ?? 0, points.Min(point => point.Y)), Math.Max(aim ?? 0, Math.Min(most, points.Max(point => point.Y))), Height - Bottom, Top + 16);
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
        double HeightOf(ScatterPoint point) => Math.Max(vertical.Pixel(point.Y), Top + 16);
        foreach (var point in points) svg.Dot(horizontal.Pixel(point.X), HeightOf(point), 5, point.Style);
        (ScatterPoint Point, string Text)[] labels = [.. points.Select(point => (Point: point, Text: LabelOf(point))).Where(label => label.Text.Length > 0).OrderBy(label => HeightOf(label.Point))];
        var places = Places([.. labels.Select(label => HeightOf(label.Point) + 4)]);
        for (var i = 0; i < labels.Length; i++) svg.Text(horizontal.Pixel(labels[i].Point.X) + 10, places[i], labels[i].Text, "label");
        return svg.ToString();

        string LabelOf(ScatterPoint point) => vertical.Pixel(point.Y) >= Top + 16 - 0.5 ? point.Label : FormattableString.Invariant($"{(point.Label.Length > 0 ? $"{point.Label}: " : "")}{point.Y:0.0} \u2191");
    }

    /// <summary>Heights of labels, from top to bottom: each below the one before where they would touch, and none below the horizontal axis.</summary>
    private static double[] Places(double[] wanted)
    {
        for (var i = 1; i < wanted.Length; i++) wanted[i] = Math.Max(wanted[i], wanted[i - 1] + LabelDistance);
        for (var i = wanted.Length - 1; i >= 0; i--) wanted[i] = Math.Min(wanted[i], i == wanted.Length - 1 ? Height - Bottom - 4 : wanted[i + 1] - LabelDistance);
        return wanted;
    }
}
