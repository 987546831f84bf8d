using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

public sealed class DataSplitTests
{
    [Fact]
    public void Parts_never_overlap_and_together_are_everything()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var count = 700 + 13 * seed;
            var split = DataSplit.Create(count, seed, test: 50 + seed, validation: seed);
            Assert.Equal((50 + seed, seed, 512), (split.Test.Count, split.Validation.Count, split.Calibration.Count));
            Assert.Equal(Enumerable.Range(0, count), new[] { split.Train, split.Calibration, split.Validation, split.Test }.SelectMany(p => p).Order());
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_split_and_another_seed_another()
    {
        var (a, b, c) = (DataSplit.Create(2000, 1, 100, 100), DataSplit.Create(2000, 1, 100, 100), DataSplit.Create(2000, 2, 100, 100));
        Assert.Equal(a.Calibration, b.Calibration);
        Assert.Equal(a.Train, b.Train);
        Assert.NotEqual(a.Calibration, c.Calibration);
        Assert.NotEqual(a.Calibration.Order(), a.Calibration); // shuffled
    }

    [Fact]
    public void Too_few_samples_are_an_error_that_tells_the_numbers()
    {
        var message = Assert.Throws<PithException>(() => DataSplit.Create(612, 0, test: 50, validation: 50)).Message;
        Assert.Contains("612", message, StringComparison.Ordinal);
        Assert.Contains("512", message, StringComparison.Ordinal);
        Assert.Single(DataSplit.Create(613, 0, test: 50, validation: 50).Train);
    }

    [Fact]
    public void Drawing_takes_exactly_as_many_different_samples_as_asked_for()
    {
        var dataset = new ProceduralDataset(count: 600);
        var drawn = DataSplit.Draw(dataset, 512, seed: 3);
        Assert.Equal(512, drawn.Distinct().Count());
        Assert.All(drawn, i => Assert.InRange(i, 0, 599));
        Assert.Throws<PithException>(() => DataSplit.Draw(dataset, 601, seed: 3));
    }
}
