using Pith.Compression.Data;

namespace Pith.Compression.Tests.Data;

public sealed class DatasetSpecTests
{
    [Fact]
    public void Every_kind_is_listed_and_explains_itself()
    {
        var datasets = typeof(ImageDataset).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(ImageDataset)) && t != typeof(DatasetSubset) && t != typeof(SampleDataset)).ToArray();
        Assert.Equal(datasets.Length, DatasetCatalog.All.Count);
        Assert.Equal(DatasetCatalog.All.Count, DatasetCatalog.All.Select(k => k.Name).Distinct().Count());
        Assert.All(DatasetCatalog.All, kind =>
        {
            Assert.StartsWith(kind.Name, kind.Syntax, StringComparison.Ordinal);
            Assert.NotEmpty(kind.Help);
        });
    }

    [Theory]
    [InlineData("every=5", new[] { 0, 5, 10 })]
    [InlineData("not-every=5", new[] { 1, 2, 3, 4, 6, 7, 8, 9, 11 })]
    [InlineData("first=3", new[] { 0, 1, 2 })]
    [InlineData("range=9..", new[] { 9, 10, 11 })]
    [InlineData("range=..2", new[] { 0, 1 })]
    [InlineData("range=3..5", new[] { 3, 4 })]
    [InlineData("every=2,first=3", new[] { 0, 2, 4 })]
    [InlineData("first=3,every=2", new[] { 0, 2 })]
    public void Selectors_apply_in_the_order_written(string selectors, int[] expected)
    {
        var subset = Assert.IsType<DatasetSubset>(DatasetCatalog.Open($"procedural:seed=4,count=12?{selectors}"));
        Assert.Equal(expected, subset.Indices);
        var whole = DatasetCatalog.Open("procedural:seed=4,count=12");
        Assert.Equal(expected.Select(whole.Label), Enumerable.Range(0, subset.Count).Select(subset.Label));
        Assert.Equal(whole.Load(expected[1]).Image!.Pixels.ToArray(), subset.Load(1).Image!.Pixels.ToArray());
    }

    [Fact]
    public void Every_and_not_every_share_nothing_and_leave_nothing_out()
    {
        var some = (DatasetSubset)DatasetCatalog.Open("procedural?every=5,first=100");
        var every = (DatasetSubset)DatasetCatalog.Open("procedural:count=503?every=5");
        var others = (DatasetSubset)DatasetCatalog.Open("procedural:count=503?not-every=5");
        Assert.Equal(100, some.Count);
        Assert.Empty(every.Indices.Intersect(others.Indices));
        Assert.Equal(Enumerable.Range(0, 503), every.Indices.Concat(others.Indices).Order());
    }

    [Theory]
    [InlineData("")]
    [InlineData("lmdb:/data")]
    [InlineData("imagenet:/no/such/folder")]
    [InlineData("tfrecord:/no/such/train-*")]
    [InlineData("cifar10")]
    [InlineData("cifar10:")]
    [InlineData("cifar10:/no/such/file.bin")]
    [InlineData("cifar10:/no/such/*.bin")]
    [InlineData("mnist:/no/such/folder")]
    [InlineData("imagefolder:/no/such/folder")]
    [InlineData("npz:/no/such.npz")]
    [InlineData("procedural:count=0")]
    [InlineData("procedural:count=1000000000")]
    [InlineData("procedural:seed=x")]
    [InlineData("procedural:size=64")]
    [InlineData("procedural:seed=1,seed=2")]
    [InlineData("procedural:count=10?first=11")]
    [InlineData("procedural:count=10?range=5..5")]
    [InlineData("procedural:count=10?range=5")]
    [InlineData("procedural:count=10?every=0")]
    [InlineData("procedural:count=10?not-every=1")]
    [InlineData("procedural:count=1?not-every=2")]
    [InlineData("procedural:count=10?every")]
    [InlineData("procedural?split=train")]
    public void A_wrong_specification_is_refused(string spec)
    {
        var message = Assert.Throws<PithException>(() => DatasetCatalog.Open(spec)).Message;
        Assert.Contains(spec.Split(':')[^1].Split('?')[0], message, StringComparison.Ordinal);
    }
}
