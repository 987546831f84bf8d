namespace Pith.Cli.Reporting.Html;

/// <summary>One row of a <see cref="RowChart"/>.</summary>
/// <param name="Label">What stands left of the row.</param>
/// <param name="Value">Where the dot or the end of the bar is.</param>
/// <param name="Text">The value as people read it, right of the row.</param>
/// <param name="Style">The style class: <c>dense</c> or <c>sparse</c>.</param>
/// <param name="Low">Lower end of the interval, for dots.</param>
/// <param name="High">Upper end of the interval, for dots.</param>
internal sealed record ChartRow(string Label, double Value, string Text, string Style, double? Low = null, double? High = null);

/// <summary>Horizontal charts with one labelled row per stage: bars that start at zero, or dots with intervals on an axis that need not.</summary>
internal static class RowChart
{
    private const int Width = 720;
    private const int LabelWidth = 190;
    private const int TextWidth = 130;
    private const int RowHeight = 30;
    private const int AxisHeight = 40;

    /// <summary>Bars from zero; for amounts such as milliseconds and megabytes.</summary>
    public static string Bars(string title, string unit, IReadOnlyList<ChartRow> rows)
    {
        var axis = new Axis(0, Math.Max(rows.Max(row => row.Value), 1e-6), LabelWidth, Width - TextWidth);
        return Draw(title, unit, rows, axis, (svg, row, y) => svg.Box(axis.Pixel(0), y - 8, axis.Pixel(row.Value) - axis.Pixel(0), 16, row.Style));
    }

    /// <summary>Dots with their interval; the axis covers the intervals only, because differences are what matters.</summary>
    public static string Dots(string title, string unit, IReadOnlyList<ChartRow> rows)
    {
        var axis = new Axis(rows.Min(row => row.Low ?? row.Value), rows.Max(row => row.High ?? row.Value), LabelWidth, Width - TextWidth);
        return Draw(title, unit, rows, axis, (svg, row, y) =>
        {
            if (row.Low is { } low && row.High is { } high)
            {
                svg.Line(axis.Pixel(low), y, axis.Pixel(high), y, row.Style + "-line");
                svg.Line(axis.Pixel(low), y - 5, axis.Pixel(low), y + 5, row.Style + "-line");
                svg.Line(axis.Pixel(high), y - 5, axis.Pixel(high), y + 5, row.Style + "-line");
            }
            svg.Dot(axis.Pixel(row.Value), y, 5, row.Style);
        });
    }

    private static string Draw(string title, string unit, IReadOnlyList<ChartRow> rows, Axis axis, Action<Svg, ChartRow, double> mark)
    {
        var bottom = rows.Count * RowHeight + 6;
        var svg = new Svg(Width, bottom + AxisHeight, title);
        foreach (var tick in axis.Ticks)
        {
            svg.Line(axis.Pixel(tick), 0, axis.Pixel(tick), bottom, "grid");
            svg.Text(axis.Pixel(tick), bottom + 16, axis.Format(tick), "tick", "middle");
        }
        svg.Text((LabelWidth + Width - TextWidth) / 2.0, bottom + 34, unit, "tick", "middle");
        for (var i = 0; i < rows.Count; i++)
        {
            var y = i * RowHeight + RowHeight / 2.0 + 3;
            svg.Text(LabelWidth - 12, y + 4, rows[i].Label, "label", "end");
            mark(svg, rows[i], y);
            svg.Text(Width - TextWidth + 12, y + 4, rows[i].Text, "label");
        }
        return svg.ToString();
    }
}
