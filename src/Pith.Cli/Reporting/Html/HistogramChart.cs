namespace Pith.Cli.Reporting.Html;

/// <summary>The distribution of |x| of an activation on a logarithmic scale, with the range that was chosen: what lies right of the line is clipped.</summary>
internal static class HistogramChart
{
    private const int Width = 340, Height = 132, Bottom = 106, Left = 6;

    /// <summary>Draws a chart.</summary>
    /// <param name="title">What it shows, for people who hear the page.</param>
    /// <param name="histogram">The counts; at least one bin.</param>
    /// <param name="range">The end of the range; null for none.</param>
    public static string Draw(string title, ValueHistogram histogram, double? range)
    {
        var end = histogram.BinWidth * histogram.Counts.Count;
        var axis = new Axis(0, Math.Max(end, range ?? 0), Left, Width - Left);
        var svg = new Svg(Width, Height, title);
        var highest = Math.Log10(1.0 + histogram.Counts.Max());
        for (var i = 0; i < histogram.Counts.Count; i++)
        {
            if (histogram.Counts[i] == 0) continue;
            var (from, to) = (axis.Pixel(i * histogram.BinWidth), axis.Pixel((i + 1) * histogram.BinWidth));
            var height = Math.Max(1, Math.Log10(1.0 + histogram.Counts[i]) / highest * (Bottom - 8));
            svg.Box(from, Bottom - height, Math.Max(0.8, to - from - 0.6), height, range is { } limit && i * histogram.BinWidth >= limit ? "sparse" : "dense");
        }
        svg.Line(Left, Bottom, Width - Left, Bottom, "grid");
        foreach (var tick in axis.Ticks) svg.Text(Math.Clamp(axis.Pixel(tick), Left + 8, Width - Left - 12), Bottom + 16, axis.Format(tick), "tick", "middle");
        if (range is { } edge) svg.Line(axis.Pixel(edge), 4, axis.Pixel(edge), Bottom, "sparse-line");
        return svg.ToString();
    }
}
