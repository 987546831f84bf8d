namespace Pith.Compression.Tests;

public class NamePatternTests
{
    [Theory]
    [InlineData("conv1", "conv1", true)]
    [InlineData("conv1", "conv10", false)]
    [InlineData("conv1", "Conv1", false)]
    [InlineData("layer1.*", "layer1.0/conv", true)]
    [InlineData("layer1.*", "layer10.0/conv", false)]
    [InlineData("*/conv?", "layer1/block/conv2", true)]
    [InlineData("*/conv?", "layer1/block/conv", false)]
    [InlineData("a[1](b)+$", "a[1](b)+$", true)]
    [InlineData("a[1](b)+$*", "a[1](b)+$tail", true)]
    [InlineData("*", "anything", true)]
    [InlineData("con*", "conv\n", true)]
    [InlineData("con?", "conv\n", false)]
    [InlineData("/^layer[12]/", "layer2.0", true)]
    [InlineData("/^layer[12]/", "layer3.0", false)]
    [InlineData("/conv1/Conv", "/conv1/Conv", true)]
    public void Globs_match_whole_names_and_regular_expressions_anywhere(string pattern, string name, bool expected) =>
        Assert.Equal(expected, new NamePattern(pattern).Matches(name));

    [Fact]
    public void An_invalid_pattern_is_refused()
    {
        Assert.Contains("'/[/'", Assert.Throws<PithException>(() => new NamePattern("/[/")).Message);
        Assert.Throws<PithException>(() => new NamePattern(""));
    }

    [Fact]
    public void A_hostile_regular_expression_times_out_with_an_error() =>
        Assert.Contains("takes longer", Assert.Throws<PithException>(() => new NamePattern("/^(a+)+$/").Matches(new string('a', 60) + "!")).Message);

    [Fact]
    public void Patterns_are_equal_when_their_texts_are() => Assert.Equal(new NamePattern("a*"), new NamePattern("a*"));

    [Theory]
    [InlineData("conv1", "conv1")]
    [InlineData("/layer1/conv1/Conv", "/layer1/conv1/Conv")]
    [InlineData("/layer1/", "/\\A/layer1/\\z/")]
    [InlineData("/[/", "/\\A/\\[/\\z/")]
    [InlineData("a*b", "/\\Aa\\*b\\z/")]
    public void A_name_can_be_meant_exactly(string name, string text)
    {
        var pattern = NamePattern.Exactly(name);
        Assert.Equal(text, pattern.Text);
        Assert.True(pattern.Matches(name));
        Assert.All(["layer1", "axb", "conv11", $"{name}x", $"x{name}"], other => Assert.False(pattern.Matches(other), other));
    }
}
