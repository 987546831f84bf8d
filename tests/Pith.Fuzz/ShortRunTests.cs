using Pith.Fuzz.Campaign;

namespace Pith.Fuzz;

/// <summary>A short run of each family with the same random numbers every time; <c>./test --fuzz MINUTES</c> goes on with others.</summary>
public class ShortRunTests(ITestOutputHelper output)
{
    public static TheoryData<string> Families => [.. FuzzFamily.All.Select(family => family.Name)];

    [Theory]
    [MemberData(nameof(Families))]
    public void A_short_run_finds_nothing(string name)
    {
        var family = FuzzFamily.Find(name);
        var campaign = new FuzzCampaign(family, stream: 1, output.WriteLine);
        campaign.Run(family.ShortRun, seconds: 120);
        Assert.True(campaign.Findings.Count == 0, string.Join('\n', campaign.Findings.Select(finding => $"{finding.Kind}: ./test --fuzz-seed {finding.Id}\n{finding.Detail}")));
        Assert.True(campaign.Cases > 0);
    }

    [Fact]
    public void Files_are_valid_before_they_are_damaged()
    {
        foreach (var target in Hostile.DataTargets.All) Assert.Null(Record.Exception(() => target.Read(target.Valid(0))));
    }
}
