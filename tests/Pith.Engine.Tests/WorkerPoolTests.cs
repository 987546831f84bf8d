using Pith.Runtime;

namespace Pith.EngineTests;

public class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_part_runs_exactly_once_in_every_call(int threads)
    {
        using var pool = new WorkerPool(threads);
        using var state = new RunState(0, pool, 0, 0);
        var counter = new Counter(64);
        for (var call = 1; call <= 500; call++)
        {
            var parts = call % 64 + 1;
            Array.Clear(counter.Runs);
            state.RunParallel(counter, parts);
            Assert.Equal(Enumerable.Range(0, 64).Select(part => part < parts ? 1 : 0), counter.Runs);
            if (call % 100 == 0) Thread.Sleep(5); // lets the workers go to sleep
        }
        Assert.True(counter.MaxWorker < threads);
    }

    [Fact]
    public void A_failure_in_a_part_reaches_the_caller_and_the_pool_goes_on()
    {
        using var pool = new WorkerPool(3);
        using var state = new RunState(0, pool, 0, 0);
        Assert.Throws<InvalidOperationException>(() => state.RunParallel(new Failing(), 8));
        var counter = new Counter(8);
        state.RunParallel(counter, 8);
        Assert.All(counter.Runs, runs => Assert.Equal(1, runs));
    }

    [Fact]
    public void Threads_are_bound_to_the_processors_asked_for_and_others_are_refused()
    {
        if (!OperatingSystem.IsLinux() || Environment.ProcessorCount < 2) Assert.Skip("Needs Linux and two processors.");
        using var pool = new WorkerPool(2, [0, 1]);
        using var state = new RunState(0, pool, 0, 0);
        var counter = new Counter(8);
        state.RunParallel(counter, 8);
        Assert.All(counter.Runs, runs => Assert.Equal(1, runs));
        var error = Assert.Throws<PithException>(() => new WorkerPool(2, [0, 1000]));
        Assert.Contains("processor 1000", error.Message, StringComparison.Ordinal);
    }

    private sealed class Counter(int parts) : IParallelBody
    {
        public int[] Runs { get; } = new int[parts];

        public int MaxWorker { get; private set; }

        public void RunPart(RunState state, int part, int worker)
        {
            Interlocked.Increment(ref Runs[part]);
            MaxWorker = Math.Max(MaxWorker, worker);
        }
    }

    private sealed class Failing : IParallelBody
    {
        public void RunPart(RunState state, int part, int worker)
        {
            if (part == 3) throw new InvalidDataException("part 3");
        }
    }
}
