namespace Pith.Cli.Reporting.Html;

/// <summary>
/// Chooses the horizontal position of every point in a given order: each wants to stand at the mean of its neighbours, lines that pass rows most of all, and none overlap. A row is settled exactly, as an isotonic regression
/// (pool adjacent violators); rows are settled in turn, downwards and upwards.
/// </summary>
internal static class RowPositions
{
    private const int Sweeps = 16;
    private const double Gap = 22;

    /// <summary>Sets <see cref="LayoutPoint.X"/>.</summary>
    /// <returns>The right end of the rightmost point.</returns>
    public static double Assign(List<List<int>> rows, List<LayoutPoint> points, double left)
    {
        foreach (var row in rows)
        {
            var offsets = Offsets(row, points);
            for (var i = 0; i < row.Count; i++) points[row[i]].X = offsets[i] - offsets[^1] / 2;
        }
        for (var sweep = 0; sweep < Sweeps; sweep++)
        {
            var isLast = sweep >= Sweeps - 2;
            for (var i = 0; i < rows.Count; i++)
            {
                var row = sweep % 2 == 0 ? rows[i] : rows[^(i + 1)];
                Settle(row, points, point => isLast ? point.Above.Concat(point.Below) : sweep % 2 == 0 ? point.Above : point.Below);
            }
        }
        if (points.Count == 0) return left;
        var shift = left - points.Min(point => point.X - point.Width / 2);
        foreach (var point in points) point.X += shift;
        return points.Max(point => point.X + point.Width / 2);
    }

    private static void Settle(List<int> row, List<LayoutPoint> points, Func<LayoutPoint, IEnumerable<int>> neighbours)
    {
        var offsets = Offsets(row, points);
        // Blocks of points that touch each other: weight, weighted sum of what they want, and how many there are.
        var blocks = new List<(double Weight, double Sum, int Count)>();
        for (var i = 0; i < row.Count; i++)
        {
            var point = points[row[i]];
            var (weight, sum) = (0.0, 0.0);
            foreach (var neighbour in neighbours(point))
            {
                var pull = Pull(point, points[neighbour]);
                weight += pull;
                sum += pull * points[neighbour].X;
            }
            if (weight == 0) (weight, sum) = (0.01, 0.01 * point.X);
            blocks.Add((weight, sum - weight * offsets[i], 1));
            while (blocks.Count > 1 && blocks[^2].Sum / blocks[^2].Weight >= blocks[^1].Sum / blocks[^1].Weight)
            {
                blocks[^2] = (blocks[^2].Weight + blocks[^1].Weight, blocks[^2].Sum + blocks[^1].Sum, blocks[^2].Count + blocks[^1].Count);
                blocks.RemoveAt(blocks.Count - 1);
            }
        }
        var at = 0;
        foreach (var (weight, sum, count) in blocks)
            for (var end = at + count; at < end; at++) points[row[at]].X = sum / weight + offsets[at];
    }

    // What nothing leads to, a weight, stands beside the chain and does not bend it.
    private static double Pull(LayoutPoint point, LayoutPoint neighbour) => neighbour is { Row: > 0, Above.Count: 0 } || point is { Row: > 0, Above.Count: 0 } ? 0.02
        : (point.IsPassing, neighbour.IsPassing) switch { (true, true) => 8, (false, false) => 1, _ => 2 };

    /// <summary>How far the centre of each point is at least from that of the first.</summary>
    private static double[] Offsets(List<int> row, List<LayoutPoint> points)
    {
        var offsets = new double[row.Count];
        for (var i = 1; i < row.Count; i++) offsets[i] = offsets[i - 1] + (points[row[i - 1]].Width + points[row[i]].Width) / 2 + Gap;
        return offsets;
    }
}
