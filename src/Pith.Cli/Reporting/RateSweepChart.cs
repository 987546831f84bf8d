using System.Globalization;

namespace Pith.Cli.Reporting;

/// <summary>A sweep of the learning rate as text: the smoothed loss from the smallest rate to the largest.</summary>
internal static class RateSweepChart
{
    private const int Width = 72, Height = 12, LabelWidth = 8;

    /// <summary>The chart, line by line; nothing without points.</summary>
    public static IEnumerable<string> Lines(RateSweep sweep)
    {
        if (sweep.Points.Count < 2) yield break;
        var (low, high) = (sweep.Points.Min(point => point.Smoothed), sweep.Points.Max(point => point.Smoothed));
        var span = Math.Max(high - low, 1e-9);
        var rows = Enumerable.Range(0, Height).Select(_ => Enumerable.Repeat(' ', Width).ToArray()).ToArray();
        for (var column = 0; column < Width; column++) rows[(int)Math.Round((high - PointAt(column, sweep).Smoothed) / span * (Height - 1))][column] = '•';
        for (var row = 0; row < Height; row++)
        {
            var label = row is 0 or Height - 1 ? (high - span * row / (Height - 1)).ToString("0.###", CultureInfo.InvariantCulture) : "";
            yield return $"{label,LabelWidth} │{new string(rows[row]).TrimEnd()}";
        }
        var axis = Enumerable.Repeat('─', Width).ToArray();
        if (sweep.Suggested is { } rate) axis[Enumerable.Range(0, Width).MinBy(column => Math.Abs(Math.Log(PointAt(column, sweep).Rate / rate)))] = '▲';
        yield return $"{"loss",LabelWidth} └{new string(axis)}";
        yield return $"{"",LabelWidth}  {Rate(sweep.Points[0].Rate)}{Rate(sweep.Points[^1].Rate).PadLeft(Width - Rate(sweep.Points[0].Rate).Length)} learning rate";
    }

    /// <summary>What the sweep says.</summary>
    public static string Verdict(RateSweep sweep) => sweep.Suggested is { } rate
        ? $"{sweep.End} Suggested: --lr {Rate(rate)}, where the loss falls fastest."
        : $"{sweep.End} The loss does not fall at any rate: no suggestion. Check labels and preprocessing; a network that is trained already may have nothing left to learn.";

    /// <summary>A rate with two digits.</summary>
    public static string Rate(double rate) => rate.ToString("G2", CultureInfo.InvariantCulture);

    private static RatePoint PointAt(int column, RateSweep sweep) => sweep.Points[(int)Math.Round((double)column / (Width - 1) * (sweep.Points.Count - 1))];
}
