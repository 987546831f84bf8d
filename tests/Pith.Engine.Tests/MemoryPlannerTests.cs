using Pith.Building;

namespace Pith.EngineTests;

public class MemoryPlannerTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Blocks_alive_together_never_overlap_and_are_aligned(int seed)
    {
        var random = new Random(seed);
        var requests = Enumerable.Range(0, 120).Select(id =>
        {
            var first = random.Next(60);
            return new MemoryPlanner.Request(id, random.Next(1, 5000), first, first + random.Next(12));
        }).ToArray();
        var (offsets, bytes) = MemoryPlanner.Place(requests);
        foreach (var a in requests)
        {
            Assert.Equal(0, offsets[a.Id] % 64);
            Assert.True(offsets[a.Id] + a.Bytes <= bytes);
            foreach (var b in requests.Where(b => b.Id < a.Id && b.First <= a.Last && a.First <= b.Last))
                Assert.True(offsets[a.Id] + a.Bytes <= offsets[b.Id] || offsets[b.Id] + b.Bytes <= offsets[a.Id], $"seed {seed}: {a} and {b}");
        }
    }

    [Fact]
    public void A_chain_needs_no_more_than_its_two_largest_neighbours()
    {
        var requests = Enumerable.Range(0, 10).Select(i => new MemoryPlanner.Request(i, 640, i, i + 1));
        Assert.Equal(1280, MemoryPlanner.Place(requests).Bytes);
    }
}
