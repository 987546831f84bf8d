namespace Pith.Cli.Reporting.Html;

/// <summary>A point of a <see cref="LineSeries"/>.</summary>
/// <param name="Position">The index of its label on the horizontal axis.</param>
/// <param name="Value">Its height.</param>
/// <param name="Low">The lower end of its interval.</param>
/// <param name="High">The upper end.</param>
internal sealed record LinePoint(int Position, double Value, double Low, double High);

/// <summary>One line of a <see cref="LineChart"/>.</summary>
/// <param name="Label">What stands at its end.</param>
/// <param name="Points">From left to right.</param>
internal sealed record LineSeries(string Label, IReadOnlyList<LinePoint> Points)
{
    /// <summary>A line through values without intervals, one for each label; a label without a value has no point.</summary>
    public static LineSeries Of(string label, IEnumerable<double?> values) =>
        new(label, [.. values.Select((value, position) => (value, position)).Where(entry => entry.value is not null).Select(entry => new LinePoint(entry.position, entry.value!.Value, entry.value.Value, entry.value.Value))]);
}

/// <summary>Lines over labelled positions, with an interval at each point. The vertical axis includes the value that everything is compared with, if there is one.</summary>
internal static class LineChart
{
    /// <summary>The number of line colours; further lines start over with the first.</summary>
    public const int Colours = 6;

    private const int Width = 720, Height = 320;
    private const int Left = 56, Right = 130, Top = 12, Bottom = 52;
    private const int LabelDistance = 15;
    private const int MostLabels = 14;

    /// <summary>Draws a chart.</summary>
    /// <param name="title">What it shows, for people who hear the page.</param>
    /// <param name="unit">What stands below the horizontal axis.</param>
    /// <param name="labels">The positions of the horizontal axis.</param>
    /// <param name="series">The lines; each has a point.</param>
    /// <param name="baseline">The value that is drawn as a line across; null for none.</param>
    public static string Draw(string title, string unit, IReadOnlyList<string> labels, IReadOnlyList<LineSeries> series, double? baseline)
    {
        var points = series.SelectMany(line => line.Points).ToArray();
        var (low, high) = (points.Min(point => point.Low), points.Max(point => point.High));
        var axis = new Axis(Math.Min(baseline ?? low, low), Math.Max(baseline ?? high, high), Height - Bottom, Top);
        var svg = new Svg(Width, Height, title);
        foreach (var tick in axis.Ticks)
        {
            svg.Line(Left, axis.Pixel(tick), Width - Right, axis.Pixel(tick), "grid");
            svg.Text(Left - 8, axis.Pixel(tick) + 4, axis.Format(tick), "tick", "end");
        }
        if (baseline is { } across) svg.Line(Left, axis.Pixel(across), Width - Right, axis.Pixel(across), "baseline");
        // As many labels as there is room for.
        for (var i = 0; i < labels.Count; i += (labels.Count - 1) / MostLabels + 1) svg.Text(X(i), Height - Bottom + 18, labels[i], "tick", "middle");
        svg.Text((Left + Width - Right) / 2.0, Height - 10, unit, "tick", "middle");
        for (var i = 0; i < series.Count; i++) DrawLine(svg, axis, series[i].Points, $"series-{i % Colours}");
        DrawLabels(svg, axis, series);
        return svg.ToString();

        void DrawLine(Svg svg, Axis axis, IReadOnlyList<LinePoint> line, string style)
        {
            for (var i = 1; i < line.Count; i++) svg.Line(X(line[i - 1].Position), axis.Pixel(line[i - 1].Value), X(line[i].Position), axis.Pixel(line[i].Value), style + "-line");
            foreach (var point in line)
            {
                svg.Line(X(point.Position), axis.Pixel(point.Low), X(point.Position), axis.Pixel(point.High), style + "-line");
                svg.Dot(X(point.Position), axis.Pixel(point.Value), labels.Count > MostLabels ? 2.5 : 4, style);
            }
        }

        // One position stands in the middle.
        double X(int position) => labels.Count == 1 ? (Left + Width - Right) / 2.0 : Left + 24 + (double)position / (labels.Count - 1) * (Width - Right - Left - 48);
    }

    // Each at the height of its line's end, unless another one is there.
    private static void DrawLabels(Svg svg, Axis axis, IReadOnlyList<LineSeries> series)
    {
        var last = double.NegativeInfinity;
        foreach (var (line, index) in series.Select((line, index) => (line, index)).OrderBy(entry => axis.Pixel(entry.line.Points[^1].Value)))
        {
            last = Math.Max(axis.Pixel(line.Points[^1].Value), last + LabelDistance);
            svg.Dot(Width - Right + 12, last, 4, $"series-{index % Colours}");
            svg.Text(Width - Right + 22, last + 4, line.Label, "label");
        }
    }
}
