namespace Pith.Cli.Reporting.Html;

/// <summary>
/// Places the boxes of a directed acyclic graph in rows from top to bottom, after Sugiyama, Tagawa and Toda (1981): rows by the longest path, points in the rows that a line passes, an order in each row with few crossings,
/// and positions that make lines straight. Lines that leave one box share their way as far as it is the same.
/// </summary>
internal sealed class LayeredLayout
{
    private const double RowGap = 44, Margin = 24;
    private const long MostPassingPoints = 200_000;

    private readonly IReadOnlyList<(double Width, double Height)> _sizes;
    private readonly IReadOnlyList<(int From, int To)> _edges;
    private readonly List<List<int>> _rows = [];
    private readonly List<LayoutPoint> _points = [];
    private readonly List<int[]> _paths = [];
    private double[] _rowTop = [];
    private double[] _rowHeight = [];

    private LayeredLayout(IReadOnlyList<(double Width, double Height)> sizes, IReadOnlyList<(int From, int To)> edges) => (_sizes, _edges) = (sizes, edges);

    /// <summary>Pixels.</summary>
    public double Width { get; private set; }

    /// <summary>Pixels.</summary>
    public double Height { get; private set; }

    /// <summary>Places everything.</summary>
    /// <param name="sizes">Width and height of each box, in pixels.</param>
    /// <param name="edges">Lines from a box to a later one.</param>
    public static LayeredLayout Of(IReadOnlyList<(double Width, double Height)> sizes, IReadOnlyList<(int From, int To)> edges)
    {
        var layout = new LayeredLayout(sizes, edges);
        layout.AssignRows();
        layout.AddPassingPoints();
        RowOrder.Improve(layout._rows, layout._points);
        var right = RowPositions.Assign(layout._rows, layout._points, Margin);
        layout.AssignHeights(right + Margin);
        return layout;
    }

    /// <summary>The top left corner of a box.</summary>
    public (double X, double Y) CornerOf(int node)
    {
        var (point, (width, height)) = (_points[node], _sizes[node]);
        return (point.X - width / 2, _rowTop[point.Row] + (_rowHeight[point.Row] - height) / 2);
    }

    /// <summary>The points of line number <paramref name="edge"/>, from the bottom of one box to the top of the other; in rows that it passes, an entry and an exit.</summary>
    public IReadOnlyList<(double X, double Y)> RouteOf(int edge)
    {
        var path = _paths[edge];
        var (from, to) = (path[0], path[^1]);
        var route = new List<(double, double)> { (_points[from].X, CornerOf(from).Y + _sizes[from].Height) };
        foreach (var passing in path.AsSpan(1, path.Length - 2))
        {
            var row = _points[passing].Row;
            route.Add((_points[passing].X, _rowTop[row]));
            route.Add((_points[passing].X, _rowTop[row] + _rowHeight[row]));
        }
        route.Add((_points[to].X, CornerOf(to).Y));
        return route;
    }

    private void AssignRows()
    {
        var rows = new int[_sizes.Count];
        foreach (var (from, to) in _edges.OrderBy(edge => edge.To)) rows[to] = Math.Max(rows[to], rows[from] + 1);
        // What nothing leads to (the DequantizeLinear of a weight) stands right above what reads it.
        var isRead = _edges.Select(edge => edge.To).ToHashSet();
        foreach (var readers in _edges.GroupBy(edge => edge.From).OrderByDescending(group => group.Key))
            if (!isRead.Contains(readers.Key)) rows[readers.Key] = readers.Min(edge => rows[edge.To]) - 1;
        for (var i = 0; i < rows.Length; i++) _points.Add(new LayoutPoint(rows[i], _sizes[i].Width, isPassing: false));
    }

    // A line over several rows gets a point in each between; lines from one box share them.
    private void AddPassingPoints()
    {
        var shared = new Dictionary<(int From, int Row), int>();
        var joined = new HashSet<(int, int)>();
        // Beyond that many points nobody sees where lines go, and only memory is spent.
        var passes = _edges.GroupBy(edge => edge.From).Sum(lines => (long)lines.Max(edge => _points[edge.To].Row) - _points[lines.Key].Row) <= MostPassingPoints;
        foreach (var (from, to) in _edges)
        {
            var path = new List<int> { from };
            for (var row = _points[from].Row + 1; passes && row < _points[to].Row; row++)
            {
                if (!shared.TryGetValue((from, row), out var point))
                {
                    shared[(from, row)] = point = _points.Count;
                    _points.Add(new LayoutPoint(row, 10, isPassing: true));
                }
                path.Add(point);
            }
            path.Add(to);
            for (var i = 1; i < path.Count; i++)
            {
                if (_points[path[i]].Row != _points[path[i - 1]].Row + 1 || !joined.Add((path[i - 1], path[i]))) continue;
                _points[path[i - 1]].Below.Add(path[i]);
                _points[path[i]].Above.Add(path[i - 1]);
            }
            _paths.Add([.. path]);
        }
        var count = _points.Count == 0 ? 0 : _points.Max(point => point.Row) + 1;
        for (var row = 0; row < count; row++) _rows.Add([]);
        foreach (var point in InDepthFirstOrder()) _rows[_points[point].Row].Add(point);
    }

    // Branches stay together from the start.
    private List<int> InDepthFirstOrder()
    {
        var (seen, order, open) = (new bool[_points.Count], new List<int>(), new Stack<int>());
        for (var start = 0; start < _points.Count; start++)
        {
            open.Push(start);
            while (open.TryPop(out var point))
            {
                if (seen[point]) continue;
                seen[point] = true;
                order.Add(point);
                for (var i = _points[point].Below.Count - 1; i >= 0; i--) open.Push(_points[point].Below[i]);
            }
        }
        return order;
    }

    private void AssignHeights(double width)
    {
        _rowHeight = [.. _rows.Select(row => row.Max(point => point < _sizes.Count ? _sizes[point].Height : 0))];
        _rowTop = new double[_rows.Count];
        var top = Margin;
        for (var row = 0; row < _rows.Count; row++)
        {
            _rowTop[row] = top;
            top += _rowHeight[row] + RowGap;
        }
        (Width, Height) = (width, Math.Max(2 * Margin, top - RowGap + Margin));
    }
}

/// <summary>A box, or a place in a row that a line passes.</summary>
internal sealed class LayoutPoint(int row, double width, bool isPassing)
{
    public int Row { get; } = row;

    public double Width { get; } = width;

    public bool IsPassing { get; } = isPassing;

    /// <summary>Points in the row above that a line comes from.</summary>
    public List<int> Above { get; } = [];

    /// <summary>Points in the row below that a line goes to.</summary>
    public List<int> Below { get; } = [];

    /// <summary>The place in its row, from the left.</summary>
    public int Order { get; set; }

    /// <summary>The centre, in pixels.</summary>
    public double X { get; set; }
}
