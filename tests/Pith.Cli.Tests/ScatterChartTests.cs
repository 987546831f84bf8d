using System.Globalization;
using System.Text.RegularExpressions;
using Pith.Cli.Reporting.Html;

namespace Pith.Cli.Tests;

/// <summary>Where points and their labels stand in a <see cref="ScatterChart"/>.</summary>
public sealed partial class ScatterChartTests
{
    private const double HorizontalAxis = 308, UpperEdge = 32;

    [Fact]
    public void A_point_far_above_the_others_stands_at_the_edge_with_its_value()
    {
        var svg = ScatterChart.Draw("title", "x", "y", [new("all", 3, 73.5, "dense"), new("", 2, 1, "dense"), new("", 1, 0.5, "dense")], aim: 1, most: 5);
        Assert.Contains("all: 73.5 \u2191", svg, StringComparison.Ordinal);
        double[] heights = [.. Dots().Matches(svg).Select(dot => double.Parse(dot.Groups[1].Value, CultureInfo.InvariantCulture))];
        Assert.Equal(3, heights.Length);
        Assert.Equal(UpperEdge, heights[0], 0.5);
        Assert.True(heights[2] - heights[1] > 20, $"1 and 0.5 are {heights[2] - heights[1]} pixels apart");
    }

    [Fact]
    public void Labels_of_points_on_the_axis_stay_above_it_and_apart()
    {
        var svg = ScatterChart.Draw("title", "x", "y", [new("first", 1, 0, "dense"), new("second", 1, 0, "dense"), new("third", 1, 0.01, "dense"), new("", 1, 4, "dense")], aim: null);
        double[] heights = [.. Labels().Matches(svg).Select(label => double.Parse(label.Groups[1].Value, CultureInfo.InvariantCulture)).Order()];
        Assert.Equal(3, heights.Length);
        Assert.True(heights[^1] < HorizontalAxis, $"the lowest label is at {heights[^1]}");
        Assert.All(heights.Zip(heights.Skip(1)), pair => Assert.True(pair.Second - pair.First >= 13, $"labels at {pair.First} and {pair.Second} touch"));
    }

    [Theory]
    [InlineData(1.9668421)]
    [InlineData(33.5)]
    [InlineData(0)]
    [InlineData(-2e-5)]
    public void An_axis_of_one_value_has_ticks_of_few_digits_around_it(double value)
    {
        var axis = new Axis(value, value, 0, 100);
        string[] ticks = [.. axis.Ticks.Select(axis.Format)];
        Assert.InRange(ticks.Length, 2, 12);
        Assert.All(ticks, tick => Assert.True(tick.Length <= 11, $"'{tick}' is too long for the margin"));
        Assert.InRange(axis.Pixel(value), -1e-6, 100 + 1e-6);
    }

    [GeneratedRegex("<circle[^>]* cy=\"([0-9.]+)\"")]
    private static partial Regex Dots();

    [GeneratedRegex("<text [^>]*y=\"([0-9.]+)\"[^>]*class=\"label\"")]
    private static partial Regex Labels();
}
