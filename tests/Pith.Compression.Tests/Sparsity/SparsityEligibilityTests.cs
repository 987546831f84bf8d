namespace Pith.Compression.Tests;

public class SparsityEligibilityTests
{
    [Theory]
    [InlineData(64, 64, 1, null, null)]
    [InlineData(1000, 2048, 1, null, null)]
    [InlineData(64, 3, 1, "3 input channels, fewer than 4 (usually the first layer)", "3 input channels, fewer than 4 (usually the first layer)")]
    [InlineData(32, 1, 32, "depthwise: one input channel per group", "depthwise: one input channel per group")]
    [InlineData(64, 2, 32, "grouped: 2 input channels per group, fewer than 4", "grouped: 2 input channels per group, fewer than 4")]
    [InlineData(256, 8, 32, null, "8 input channels per group, not a multiple of 16")]
    [InlineData(10, 64, 1, null, "10 output channels, not a multiple of 8")]
    [InlineData(64, 22, 1, "22 input channels, not a multiple of 4", "22 input channels, not a multiple of 4")]
    public void Both_rules_are_reported_with_their_reasons(int outputs, int reduction, int groups, string? pattern, string? asp)
    {
        var eligibility = SparsityEligibility.Of(outputs, reduction, groups);
        Assert.Equal(pattern, eligibility.WhyNot(SparsityRule.Pattern));
        Assert.Equal(asp, eligibility.WhyNot(SparsityRule.Asp));
    }

    [Fact]
    public void What_the_asp_rule_takes_the_pattern_rule_takes()
    {
        for (var outputs = 1; outputs < 40; outputs++)
            for (var reduction = 1; reduction < 70; reduction++)
            {
                var eligibility = SparsityEligibility.Of(outputs, reduction, groups: 1);
                Assert.Equal(reduction % 4 == 0, eligibility.WhyNotPattern is null);
                Assert.Equal(outputs % 8 == 0 && reduction % 16 == 0, eligibility.WhyNotAsp is null);
            }
    }
}
