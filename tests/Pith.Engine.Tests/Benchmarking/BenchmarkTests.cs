using Pith.Benchmarking;

namespace Pith.EngineTests.Benchmarking;

/// <summary>Who runs when, and what is counted; never how long it takes.</summary>
public class BenchmarkTests
{
    private static readonly BenchmarkSettings s_short = new() { Seconds = 0, WarmUpSeconds = 0, MinRuns = 5 };

    [Fact]
    public void Two_targets_take_turns_run_by_run()
    {
        var log = new List<char>();
        var results = Benchmark.Run([Target(() => log.Add('a')), Target(() => log.Add('b'))], s_short, cancellation: TestContext.Current.CancellationToken);
        // One warm-up each, then in turn.
        Assert.Equal("ab" + "ababababab", new string([.. log]));
        Assert.Equal([5, 5], results.Select(result => result.Runs));
        Assert.Equal(Enumerable.Range(0, 5), results[1].Samples.Select(sample => sample.Block));
    }

    [Fact]
    public void Beside_threads_that_linger_runs_come_in_blocks_and_the_first_does_not_count()
    {
        var log = new List<char>();
        var lingering = Target(() => Log('b')) with { LingersSeconds = 1e-6 };
        var results = Benchmark.Run([Target(() => Log('a')), lingering], s_short, cancellation: TestContext.Current.CancellationToken);
        Assert.Matches("^a+b+a+b+", new string([.. log]));
        foreach (var (result, name) in results.Zip("ab"))
        {
            var blocks = result.Samples.GroupBy(sample => sample.Block).ToArray();
            Assert.All(blocks, block => Assert.True(block.Count() >= 3));
            Assert.True(log.Count(entry => entry == name) >= result.Runs + blocks.Length + 1, "a run of each block and of the warm-up must not count");
        }

        void Log(char name)
        {
            log.Add(name);
            Thread.Sleep(20);
        }
    }

    [Fact]
    public void Streams_run_side_by_side_and_their_rates_add_up()
    {
        const int Streams = 3;
        using var together = new Barrier(Streams);
        // Passes only when all streams are in a run at the same time; they may not end with the same number of runs.
        IQuery Stream() => new Query(() => together.SignalAndWait(TimeSpan.FromMilliseconds(50), CancellationToken.None));
        var result = Benchmark.Run([new BenchmarkTarget(4, [Stream(), Stream(), Stream()])], s_short, cancellation: TestContext.Current.CancellationToken)[0];
        Assert.Equal((4, Streams), (result.Batch, result.Streams));
        Assert.Equal([0, 1, 2], result.Samples.Select(sample => sample.Stream).Distinct().Order());
        Assert.All(result.Samples.GroupBy(sample => sample.Stream), stream => Assert.True(stream.Count() >= 5));
        Assert.Equal(result.Samples.GroupBy(sample => sample.Stream).Sum(stream => 4 / stream.Average(sample => sample.Seconds)), result.ImagesPerSecond, 1e-9);
    }

    [Fact]
    public void A_stream_that_fails_fails_the_benchmark() =>
        Assert.Throws<PithException>(() => Benchmark.Run([new BenchmarkTarget(1, [new Query(() => { }), new Query(() => throw new PithException("no"))])], s_short, cancellation: TestContext.Current.CancellationToken));

    [Fact]
    public void A_ratio_compares_medians_minima_and_rounds()
    {
        var fast = new BenchmarkResult(1, 1, [new(0, 0, 0, 1), new(1, 0, 0, 2), new(2, 0, 0, 3)]);
        var slow = new BenchmarkResult(1, 1, [new(0, 0, 0, 2), new(1, 0, 0, 8), new(2, 0, 0, 9)]);
        Assert.Equal(new SpeedRatio(8.0 / 2, 2, 2.5, 3.5, 3), SpeedRatio.Of(fast, slow));
    }

    [Fact]
    public void The_peak_of_memory_is_that_of_this_process() =>
        Assert.InRange(ProcessMemory.PeakResidentBytes(), 10 << 20, 1L << 45);

    private static BenchmarkTarget Target(Action run) => new(1, [new Query(run)]);

    private sealed class Query(Action run) : IQuery
    {
        public void Run() => run();
    }
}
