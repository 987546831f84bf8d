using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Compression.Tests.Training;

namespace Pith.Compression.Tests.Distribution;

public class ProcessGroupTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void An_average_is_the_sum_in_rank_order_rounded_once_on_every_rank(int size)
    {
        const int share = 5;
        float[] Own(int rank) => [.. Enumerable.Range(0, share * size).Select(i => (float)Math.Sin(100 * rank + i) * MathF.Pow(10, i % 7))];
        var expected = Enumerable.Range(0, share * size).Select(i => (float)(Enumerable.Range(0, size).Sum(rank => (double)Own(rank)[i]) / size)).ToArray();
        var averages = ThreadGroup.Run(size, group =>
        {
            var values = Own(group.Rank);
            group.Average(values);
            return values;
        });
        Assert.All(averages, average => Assert.Equal(expected, average));
    }

    [Fact]
    public void Sums_flags_numbers_and_bytes_reach_every_rank()
    {
        byte[] file = [1, 2, 3];
        var results = ThreadGroup.Run(3, group =>
        {
            double[] sums = [group.Rank, 1, 0.5];
            group.Sum(sums);
            var bytes = group.FromFirst(() => group.IsFirst ? file : throw new InvalidOperationException("only the first reads"));
            return (sums, group.Any(group.Rank == 2), group.Any(false), group.GatherNumbers(10 + group.Rank), bytes, group.FromFirst(() => null), group.FromFirst(() => []));
        });
        Assert.All(results, result =>
        {
            Assert.Equal([3, 3, 1.5], result.sums);
            Assert.True(result.Item2);
            Assert.False(result.Item3);
            Assert.Equal([10, 11, 12], result.Item4);
            Assert.Equal(file, result.bytes!);
            Assert.Null(result.Item6);
            Assert.Empty(result.Item7!);
        });
    }

    [Fact]
    public void A_rank_that_has_something_else_is_named_on_every_rank()
    {
        var messages = ThreadGroup.Run(3, group => Assert.Throws<PithException>(() => GroupAgreement.Require(group, () => [("version of Pith", "1"), ("network", group.Rank == 2 ? "other" : "same")])).Message);
        Assert.All(messages, message => Assert.Contains("Rank 2 of 3 has another network than rank 0", message));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void Parts_of_a_batch_are_the_batch(int ranks)
    {
        var (data, whole) = (new ToyDataset(1, 50), new List<int>());
        var options = new BatchLoaderOptions { BatchSize = 8, Shuffle = true, Seed = 3, Augmentation = new Augmentation(1, true) };
        var pixels = new List<float[]>();
        foreach (var batch in new BatchLoader(data, Toy.Preprocessing, options).Epoch(2))
        {
            whole.AddRange(batch.Indices[..batch.Count]);
            pixels.Add(batch.ImagesInUse.ToArray());
        }
        var parts = Enumerable.Range(0, ranks).Select(rank => new BatchLoader(data, Toy.Preprocessing, options with { Share = new BatchShare(rank, ranks) }).Epoch(2).Select(batch => (Indices: batch.Indices[..batch.Count], Pixels: batch.ImagesInUse.ToArray())).ToArray()).ToArray();
        for (var b = 0; b < pixels.Count; b++)
        {
            Assert.Equal(whole.Skip(8 * b).Take(8), parts.SelectMany(part => part[b].Indices));
            Assert.Equal(pixels[b], parts.SelectMany(part => part[b].Pixels));
        }
        Assert.Throws<PithException>(() => new BatchLoader(data, Toy.Preprocessing, options with { Share = new BatchShare(0, 3) }));
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData("0", 1)]
    [InlineData("0-3", 4)]
    [InlineData("0-3,8,10-11", 7)]
    public void Lists_of_processors_are_counted(string? list, int count) => Assert.Equal(count, CpuShare.Count(list));
}
