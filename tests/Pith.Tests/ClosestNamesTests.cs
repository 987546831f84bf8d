namespace Pith.Tests;

public class ClosestNamesTests
{
    [Theory]
    [InlineData("", "abc", 3)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("Conv", "conv", 0)]
    public void Distance_counts_edits(string a, string b, int expected) => Assert.Equal(expected, ClosestNames.Distance(a, b));
}
