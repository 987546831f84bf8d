using Pith.Kernels;
using System.Diagnostics;
using System.Runtime.CompilerServices;
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
        using var state = new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0);
        var counter = new Counter(64);
        for (var call = 1; call <= 500; call++)
        {
            var parts = call % 64 + 1;
            Array.Clear(counter.Runs);
            state.RunParallel(counter, parts, descending: call % 3 == 0);
            Assert.Equal(Enumerable.Range(0, 64).Select(part => part < parts ? 1 : 0), counter.Runs);
            if (call % 100 == 0) Thread.Sleep(5); // lets the workers go to sleep
        }
        Assert.True(counter.MaxWorker < threads);
    }

    [Fact]
    public void Parts_run_in_descending_order_when_asked()
    {
        using var pool = new WorkerPool(1);
        using var state = new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0);
        var order = new List<int>();
        state.RunParallel(new ParallelBody((_, part, _) => order.Add(part)), 4, descending: true);
        Assert.Equal([3, 2, 1, 0], order);
    }

    [Fact]
    public void A_thread_begins_with_the_last_part_of_its_share_in_descending_order()
    {
        using var pool = new WorkerPool(2);
        using var state = new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0);
        int[] firsts = [-1, -1];
        using var both = new Barrier(2);
        // Nobody takes a second part before both have their first.
        state.RunParallel(new ParallelBody((_, part, worker) =>
        {
            if (Interlocked.CompareExchange(ref firsts[worker], part, -1) == -1) both.SignalAndWait(TestContext.Current.CancellationToken);
        }), 8, descending: true);
        Assert.Equal([3, 7], firsts);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void The_failure_of_the_lowest_part_reaches_the_caller_as_it_is_and_the_pool_goes_on(int threads)
    {
        using var pool = new WorkerPool(threads);
        using var state = new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0);
        for (var call = 0; call < 50; call++)
        {
            Assert.Equal("part 3", Assert.Throws<InvalidDataException>(() => state.RunParallel(new Failing(), 8)).Message);
            var counter = new Counter(8);
            state.RunParallel(counter, 8);
            Assert.All(counter.Runs, runs => Assert.Equal(1, runs));
        }
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public void Idle_workers_sleep_and_no_wake_is_left_over_whatever_the_rhythm_of_calls(int threads)
    {
        using var pool = new WorkerPool(threads);
        using var state = new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0);
        var random = new Random(threads);
        var counter = new Counter(16);
        // Gaps around the time that workers spin are those in which a call may meet a worker on its way to sleep.
        for (var call = 0; call < 3000; call++)
        {
            state.RunParallel(counter, random.Next(2, 17));
            var gap = TimeSpan.FromMicroseconds(random.Next(30, 80));
            for (var begin = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(begin) < gap;) Thread.SpinWait(1);
        }
        var deadline = Stopwatch.StartNew();
        while ((pool.Crew!.Sleeping, pool.Crew.PendingWakes) != (threads - 1, 0))
        {
            Assert.True(deadline.Elapsed < TimeSpan.FromSeconds(10), $"{pool.Crew.Sleeping} of {threads - 1} workers sleep, {pool.Crew.PendingWakes} wakes are left over.");
            Thread.Sleep(1);
        }
    }

    [Fact]
    public void Workers_of_a_pool_that_was_forgotten_end()
    {
        var crews = Enumerable.Range(0, 5).Select(_ => Forget()).ToArray();
        var deadline = Stopwatch.StartNew();
        while (crews.Any(crew => crew.TryGetTarget(out _)))
        {
            Assert.True(deadline.Elapsed < TimeSpan.FromSeconds(20), "The workers keep their crew alive.");
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(5);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        static WeakReference<WorkerCrew> Forget()
        {
            var pool = new WorkerPool(3);
            new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0).RunParallel(new Counter(8), 8);
            return new WeakReference<WorkerCrew>(pool.Crew!);
        }
    }

    // Found by fuzzing: a worker that fell asleep at that very moment was not woken, and was waited for without end.
    [Fact]
    public async Task Disposing_of_a_pool_whose_workers_are_falling_asleep_ends()
    {
        var random = new Random(1);
        var disposing = Task.Run(() =>
        {
            for (var i = 0; i < 3000; i++)
            {
                using var pool = new WorkerPool(3);
                using var state = new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0);
                state.RunParallel(new Counter(3), 3);
                // Workers look for the next call for 50 microseconds.
                var until = Stopwatch.GetTimestamp() + random.Next((int)(Stopwatch.Frequency / 10_000));
                while (Stopwatch.GetTimestamp() < until) { }
            }
        }, TestContext.Current.CancellationToken);
        await disposing.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void More_threads_than_any_machine_has_are_refused() =>
        Assert.Contains("1 to 1024 threads", Assert.Throws<PithException>(() => new WorkerPool(1_000_000_000)).Message, StringComparison.Ordinal);

    [Fact]
    public void Threads_are_bound_to_the_processors_asked_for_and_others_are_refused()
    {
        if (!OperatingSystem.IsLinux() || Environment.ProcessorCount < 2) Assert.Skip("Needs Linux and two processors.");
        using var pool = new WorkerPool(2, [0, 1]);
        using var state = new RunState(TestDevice.At(CpuFeatures.None), 0, pool, 0, 0);
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
            if (part >= 3) throw new InvalidDataException($"part {part}");
        }
    }
}
