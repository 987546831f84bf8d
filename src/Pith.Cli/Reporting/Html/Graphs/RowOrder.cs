namespace Pith.Cli.Reporting.Html;

/// <summary>Orders the points of each row so that few lines cross: each row by the mean place of its neighbours in the row above, then in the row below, as long as that helps.</summary>
internal static class RowOrder
{
    private const int MaxSweeps = 24, Patience = 4;

    public static void Improve(List<List<int>> rows, List<LayoutPoint> points)
    {
        Number(rows, points);
        var (best, fewest, waited) = (Copy(rows), Crossings(rows, points), 0);
        for (var sweep = 0; sweep < MaxSweeps && waited < Patience && fewest > 0; sweep++)
        {
            if (sweep % 2 == 0)
                for (var row = 1; row < rows.Count; row++) Sort(rows[row], points, point => point.Above);
            else
                for (var row = rows.Count - 2; row >= 0; row--) Sort(rows[row], points, point => point.Below);
            var crossings = Crossings(rows, points);
            waited = crossings < fewest ? 0 : waited + 1;
            if (crossings < fewest) (best, fewest) = (Copy(rows), crossings);
        }
        for (var row = 0; row < rows.Count; row++) rows[row] = best[row];
        Number(rows, points);
    }

    /// <summary>How many pairs of lines between neighbouring rows cross.</summary>
    public static long Crossings(List<List<int>> rows, List<LayoutPoint> points)
    {
        long crossings = 0;
        for (var row = 0; row + 1 < rows.Count; row++)
        {
            // Lines by their upper end; a line crosses those before it whose lower end is further right.
            var (tree, count) = (new int[rows[row + 1].Count + 1], 0);
            foreach (var point in rows[row])
            {
                var ends = points[point].Below.Select(below => points[below].Order).Order().ToArray();
                foreach (var end in ends) crossings += count - Sum(tree, end + 1);
                foreach (var end in ends)
                    for (var i = end + 1; i < tree.Length; i += i & -i) tree[i]++;
                count += ends.Length;
            }
        }
        return crossings;

        static int Sum(int[] tree, int end)
        {
            var sum = 0;
            for (var i = end; i > 0; i -= i & -i) sum += tree[i];
            return sum;
        }
    }

    private static void Sort(List<int> row, List<LayoutPoint> points, Func<LayoutPoint, List<int>> neighbours)
    {
        var ordered = row.OrderBy(point => neighbours(points[point]) is { Count: > 0 } ends ? ends.Average(end => points[end].Order) : points[point].Order).ToArray();
        for (var i = 0; i < ordered.Length; i++)
        {
            row[i] = ordered[i];
            points[ordered[i]].Order = i;
        }
    }

    private static void Number(List<List<int>> rows, List<LayoutPoint> points)
    {
        foreach (var row in rows)
            for (var i = 0; i < row.Count; i++) points[row[i]].Order = i;
    }

    private static List<List<int>> Copy(List<List<int>> rows) => [.. rows.Select(row => new List<int>(row))];
}
