using Pith.Cli.Reporting.Html;

namespace Pith.Cli.Tests;

/// <summary>Whatever the graph: boxes do not overlap, lines go downwards and lead from box to box, and chains are straight.</summary>
public sealed class LayeredLayoutTests
{
    private const double Narrow = 80, Tall = 40;

    [Theory]
    [InlineData(1, 12, 2)]
    [InlineData(2, 60, 3)]
    [InlineData(3, 500, 2)]
    [InlineData(4, 500, 5)]
    [InlineData(5, 40, 39)]
    public void Boxes_do_not_overlap_and_lines_go_down(int seed, int nodes, int readsAtMost)
    {
        var random = new Random(seed);
        (double Width, double Height)[] sizes = [.. Enumerable.Range(0, nodes).Select(_ => (Narrow + random.Next(150), Tall + random.Next(60)))];
        var edges = new List<(int From, int To)>();
        for (var to = 1; to < nodes; to++)
            foreach (var from in Enumerable.Range(0, random.Next(1, readsAtMost + 1)).Select(_ => random.Next(Math.Max(0, to - 20), to)).Append(random.Next(to)).Distinct()) edges.Add((from, to));
        var layout = LayeredLayout.Of(sizes, edges);

        var boxes = Enumerable.Range(0, nodes).Select(i => (Corner: layout.CornerOf(i), Size: sizes[i])).ToArray();
        Assert.All(boxes, box => Assert.True(box.Corner.X >= 0 && box.Corner.Y >= 0 && box.Corner.X + box.Size.Width <= layout.Width && box.Corner.Y + box.Size.Height <= layout.Height, $"seed {seed}: a box lies outside"));
        for (var i = 0; i < nodes; i++)
            for (var j = 0; j < i; j++)
                Assert.False(boxes[i].Corner.X < boxes[j].Corner.X + sizes[j].Width && boxes[j].Corner.X < boxes[i].Corner.X + sizes[i].Width && boxes[i].Corner.Y < boxes[j].Corner.Y + sizes[j].Height && boxes[j].Corner.Y < boxes[i].Corner.Y + sizes[i].Height, $"seed {seed}: boxes {j} and {i} overlap");
        for (var e = 0; e < edges.Count; e++)
        {
            var route = layout.RouteOf(e);
            var (from, to) = (boxes[edges[e].From], boxes[edges[e].To]);
            Assert.Equal((from.Corner.X + from.Size.Width / 2, from.Corner.Y + from.Size.Height), route[0]);
            Assert.Equal((to.Corner.X + to.Size.Width / 2, to.Corner.Y), route[^1]);
            for (var i = 1; i < route.Count; i++) Assert.True(route[i].Y > route[i - 1].Y - 1e-9, $"seed {seed}: line {e} goes up");
        }
    }

    [Fact]
    public void A_chain_is_straight_and_a_skip_passes_beside_it()
    {
        (double, double)[] sizes = [.. Enumerable.Repeat((Narrow, Tall), 5)];
        (int, int)[] edges = [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)];
        var layout = LayeredLayout.Of(sizes, edges);
        Assert.Equal(layout.CornerOf(1).X, layout.CornerOf(2).X, 1e-6);
        Assert.Equal(layout.CornerOf(2).X, layout.CornerOf(3).X, 1e-6);
        var beside = layout.RouteOf(4)[2];
        Assert.False(beside.X > layout.CornerOf(2).X && beside.X < layout.CornerOf(2).X + Narrow, "the skip runs through a box");
    }

    [Fact]
    public void Branches_that_need_not_cross_do_not()
    {
        // Two chains side by side, listed so that they would cross.
        var points = new List<LayoutPoint> { new(0, 1, false), new(0, 1, false), new(1, 1, false), new(1, 1, false) };
        foreach (var (from, to) in ((int, int)[])[(0, 3), (1, 2)])
        {
            points[from].Below.Add(to);
            points[to].Above.Add(from);
        }
        List<List<int>> rows = [[0, 1], [2, 3]];
        RowOrder.Improve(rows, points);
        Assert.Equal(0, RowOrder.Crossings(rows, points));
    }

    [Fact]
    public void No_boxes_is_a_drawing_too() => Assert.True(LayeredLayout.Of([], []).Height > 0);
}
