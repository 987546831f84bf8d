using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Grpc.Core;

namespace Pith.Serving.Tests;

/// <summary>How requests wait, share batches, and leave the queue.</summary>
public sealed class SchedulingTests
{
    // A configuration with which nothing runs before there are eight rows.
    private const string Waiting = "max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 60000000 }";

    [Fact]
    public async Task Requests_share_batches_and_get_the_bits_that_they_get_alone()
    {
        var graph = Networks.Classifier();
        await using var served = await ServedRepository.With("net", graph).StartAsync(options => options with { QueueDelay = TimeSpan.FromMilliseconds(200) });
        var tasks = Enumerable.Range(0, 24).Select(async i =>
        {
            var images = Networks.Images(i, 1 + i % 3);
            return (Expected: Networks.Expected(graph, images), Got: i % 2 == 0 ? await served.InferBinaryAsync("net", images) : (await served.Grpc.ModelInferAsync(ServedRepository.GrpcRequest("net", images))).RawOutputContents[0].ToByteArray());
        });
        foreach (var (expected, got) in await Task.WhenAll(tasks)) Assert.Equal(expected, got);
        var model = (await served.GetAsync("/v2/models/net/stats")).GetProperty("model_stats")[0];
        Assert.Equal(48, model.GetProperty("inference_count").GetInt32());
        Assert.InRange(model.GetProperty("execution_count").GetInt32(), 6, 23);
        Assert.Equal(24, model.GetProperty("inference_stats").GetProperty("success").GetProperty("count").GetInt32());
        Assert.Equal(48, model.GetProperty("batch_stats").EnumerateArray().Sum(batch => batch.GetProperty("batch_size").GetInt32() * batch.GetProperty("compute_infer").GetProperty("count").GetInt32()));
    }

    [Fact]
    public async Task A_network_whose_rows_depend_on_each_other_runs_requests_alone()
    {
        var graph = Networks.Centred();
        await using var served = await ServedRepository.With("net", graph).StartAsync(options => options with { QueueDelay = TimeSpan.FromMilliseconds(20) });
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async i =>
        {
            var x = Tensor.Create(new Shape(3, 4), Networks.Values(i, 12));
            Assert.Equal(Networks.Expected(graph, x), await served.InferBinaryAsync("net", x));
        }));
        var model = (await served.GetAsync("/v2/models/net/stats")).GetProperty("model_stats")[0];
        Assert.Equal((36, 12), (model.GetProperty("inference_count").GetInt32(), model.GetProperty("execution_count").GetInt32()));
    }

    [Fact]
    public async Task More_than_the_queue_holds_is_refused_at_once_and_the_rest_is_answered()
    {
        // Nothing runs before there are eight rows, so the queue stays as it is.
        var graph = Networks.Classifier();
        await using var served = await ServedRepository.With("net", graph, Waiting).StartAsync(options => options with { QueueLimit = 4 });
        var waiting = Enumerable.Range(0, 4).Select(i => served.InferBinaryAsync("net", Networks.Images(i, 1))).ToArray();
        await UntilPendingAsync(served, 4);
        using (var response = await served.Http.SendAsync(ServedRepository.BinaryRequest("net", Networks.Images(4, 1))))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.Contains("overloaded", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => served.Grpc.ModelInferAsync(ServedRepository.GrpcRequest("net", Networks.Images(4, 1))).ResponseAsync)).StatusCode);
        Assert.Contains("nv_inference_request_failure{model=\"net\",reason=\"REJECTED\",version=\"1\"} 2\n", await served.Http.GetStringAsync("/metrics"), StringComparison.Ordinal);
        // What waits when a model is unloaded is answered.
        Assert.Equal(HttpStatusCode.OK, (await served.PostAsync("/v2/repository/models/net/unload")).StatusCode);
        var answers = await Task.WhenAll(waiting);
        for (var i = 0; i < answers.Length; i++) Assert.Equal(Networks.Expected(graph, Networks.Images(i, 1)), answers[i]);
    }

    [Fact]
    public async Task A_request_that_cannot_be_answered_in_time_is_refused()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier(), Waiting).StartAsync();
        using (var response = await served.Http.SendAsync(ServedRepository.BinaryRequest("net", Networks.Images(1, 1), ",\"timeout\":1000")))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
            Assert.Contains("time-out", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        var call = ServedRepository.GrpcRequest("net", Networks.Images(1, 1));
        call.Parameters["timeout"] = new() { Int64Param = 1000 };
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => served.Grpc.ModelInferAsync(call).ResponseAsync)).StatusCode);
    }

    [Fact]
    public async Task A_cancelled_request_leaves_the_queue()
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier(), Waiting).StartAsync();
        using var gone = new CancellationTokenSource();
        var cancelled = Enumerable.Range(0, 5).Select(i => served.InferBinaryAsync("net", Networks.Images(i, 1), gone.Token)).ToArray();
        await UntilPendingAsync(served, 5);
        await gone.CancelAsync();
        foreach (var task in cancelled) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => task);
        await UntilPendingAsync(served, 0);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => served.InferBinaryAsync("net", Networks.Images(i, 1))));
        var model = (await served.GetAsync("/v2/models/net/stats")).GetProperty("model_stats")[0];
        Assert.Equal((8, 1), (model.GetProperty("inference_count").GetInt32(), model.GetProperty("execution_count").GetInt32()));
        Assert.Contains("nv_inference_request_failure{model=\"net\",reason=\"CANCELED\",version=\"1\"} 5\n", await served.Http.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_queue_gives_the_oldest_first_in_batches_that_the_policy_allows()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 8, Preferred = [4], Delay = TimeSpan.FromSeconds(10) });
        var requests = Enumerable.Range(0, 5).Select(_ => Request(1)).ToArray();
        foreach (var request in requests) Assert.True(scheduler.TryAdd(request));
        var batch = new List<PendingRequest>();
        Assert.True(scheduler.Take(0, batch));
        Assert.Equal(requests[..4], batch);
        batch.Clear();
        scheduler.Stop();
        Assert.False(scheduler.TryAdd(Request(1)));
        Assert.True(scheduler.Take(0, batch));
        Assert.Equal(requests[4..], batch);
        batch.Clear();
        Assert.False(scheduler.Take(0, batch));
    }

    [Fact]
    public void A_request_waits_for_others_no_longer_than_the_delay()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 8, Delay = TimeSpan.FromMicroseconds(2500) });
        var request = Request(3);
        scheduler.TryAdd(request);
        var begin = Stopwatch.GetTimestamp();
        var batch = new List<PendingRequest>();
        Assert.True(scheduler.Take(0, batch));
        Assert.Equal([request], batch);
        Assert.InRange(Stopwatch.GetElapsedTime(request.QueuedAt).TotalMilliseconds, 2.5, 1000);
        Assert.True(Stopwatch.GetElapsedTime(begin) > TimeSpan.Zero);
    }

    [Fact]
    public void A_request_larger_than_a_shared_batch_runs_alone()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 4 });
        foreach (var rows in (int[])[3, 3, 9, 1]) scheduler.TryAdd(Request(rows));
        var sizes = new List<int>();
        scheduler.Stop();
        for (var batch = new List<PendingRequest>(); scheduler.Take(0, batch); batch.Clear()) sizes.Add(batch.Sum(request => request.Rows));
        Assert.Equal([3, 3, 9, 1], sizes);
    }

    [Fact]
    public async Task A_deadline_passes_in_the_queue_without_an_instance()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 4 });
        var request = Request(1, Stopwatch.GetTimestamp() + Stopwatch.Frequency / 50);
        scheduler.TryAdd(request);
        Assert.Equal(RequestFault.TimedOut, (await Assert.ThrowsAsync<RequestException>(() => request.Answer)).Fault);
        scheduler.Stop();
        Assert.False(scheduler.Take(0, []));
    }

    [Fact]
    public void A_request_that_would_be_late_behind_the_others_is_refused_when_it_comes()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 2, Timeout = TimeSpan.FromSeconds(19) });
        scheduler.Ran(0, 2, 3 * Stopwatch.Frequency);
        var now = Stopwatch.GetTimestamp();
        var inTime = now + 19 * Stopwatch.Frequency;
        // Batches of two, three seconds each, after one that has just begun: the second one after it ends after nine seconds, the third one after twelve; half of the time that is left must be enough.
        scheduler.TryAdd(Request(2, inTime));
        Assert.True(scheduler.Take(0, []));
        for (var i = 0; i < 4; i++) Assert.True(scheduler.TryAdd(Request(1, inTime)));
        Assert.True(scheduler.WouldRefuse(now));
        Assert.False(scheduler.WouldRefuse(now + 6 * Stopwatch.Frequency));
        Assert.Equal(RequestFault.Overloaded, Assert.Throws<RequestException>(() => scheduler.TryAdd(Request(1, inTime))).Fault);
        Assert.True(scheduler.TryAdd(Request(1)));
    }

    [Fact]
    public void An_answer_that_comes_too_late_is_not_sent_and_the_time_that_it_took_counts_for_the_next()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 2 });
        var late = Request(1, Stopwatch.GetTimestamp());
        late.CompletedAt = late.Deadline - 5 * Stopwatch.Frequency;
        Assert.Equal(RequestFault.TimedOut, Assert.Throws<RequestException>(() => scheduler.Delivered(late)).Fault);
        Assert.True(scheduler.TryAdd(Request(1)));
        // An answer is sent five seconds after its run, and twice as much must be left.
        Assert.Throws<RequestException>(() => scheduler.TryAdd(Request(1, Stopwatch.GetTimestamp() + 9 * Stopwatch.Frequency)));
        Assert.True(scheduler.TryAdd(Request(1, Stopwatch.GetTimestamp() + 20 * Stopwatch.Frequency)));
        scheduler.Stop();
        var batch = new List<PendingRequest>();
        Assert.True(scheduler.Take(0, batch));
        Assert.Equal(2, batch.Count);
    }

    [Fact]
    public void The_time_of_a_run_is_predicted_from_those_of_as_many_rows_or_others()
    {
        var times = new RunTimes(8);
        Assert.Equal(0, times.Of(8));
        // For each row no longer than in a smaller batch, in all no longer than in a larger one.
        times.Add(2, 1000);
        Assert.Equal((1000, 1000, 4000, 5000), (times.Of(1), times.Of(2), times.Of(8), times.Of(10)));
        times.Add(8, 3000);
        Assert.Equal((1000, 3000, 3000, 7000), (times.Of(2), times.Of(3), times.Of(8), times.Of(18)));
        // A request of its own, larger than a shared batch.
        times.Add(16, 6000);
        Assert.Equal(3000, times.Of(8));
        // Newer runs count more.
        for (var i = 0; i < 100; i++) times.Add(8, 5000);
        Assert.InRange(times.Of(8), 4990, 5000);
        // One that took very long was held up by something else.
        times.Add(8, 1_000_000);
        Assert.InRange(times.Of(8), 5000, 7000);
    }

    [Fact]
    public void An_estimate_that_was_wrong_refuses_what_waits_before_others_and_is_tried_by_the_last()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 2 });
        scheduler.Ran(0, 2, 3600 * Stopwatch.Frequency);
        var deadline = Stopwatch.GetTimestamp() + 60 * Stopwatch.Frequency;
        var (first, second) = (Request(1, deadline), Request(1));
        Assert.True(scheduler.TryAdd(first));
        Assert.True(scheduler.TryAdd(second));
        var batch = new List<PendingRequest>();
        Assert.True(scheduler.Take(0, batch));
        Assert.Equal([second], batch);
        Assert.IsType<RequestException>(Record.Exception(() => first.Answer.GetAwaiter().GetResult()));
        var alone = Request(1, deadline);
        Assert.True(scheduler.TryAdd(alone));
        batch.Clear();
        Assert.True(scheduler.Take(0, batch));
        Assert.Equal([alone], batch);
    }

    [Fact]
    public void A_free_instance_is_lent_while_nothing_waits_and_its_thread_runs_what_comes_meanwhile()
    {
        Assert.SkipUnless(Environment.ProcessorCount > 1, "With one processor no instance is lent.");
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 4 });
        var taken = new List<PendingRequest>();
        var thread = new Thread(() => Assert.True(scheduler.Take(0, taken)));
        thread.Start();
        // Another test may have all loans that there are.
        int? lent = null;
        Assert.True(SpinWait.SpinUntil(() => (lent = scheduler.TryBorrow(Request(1))) is not null, TimeSpan.FromSeconds(30)));
        Assert.Equal(0, lent);
        Assert.Null(scheduler.TryBorrow(Request(1)));
        var queued = Request(2);
        Assert.True(scheduler.TryAdd(queued));
        Assert.False(thread.Join(TimeSpan.FromMilliseconds(50)));
        Assert.Empty(taken);
        scheduler.Return(0);
        thread.Join();
        Assert.Equal([queued], taken);
        // It runs: nothing is free.
        Assert.Null(scheduler.TryBorrow(Request(1)));
    }

    [Theory]
    [InlineData(true, 0, 0)]
    [InlineData(false, 1000, 0)]
    [InlineData(false, 0, 1)]
    public void Nothing_is_lent_to_a_request_that_has_to_wait(bool isBound, int delayMicroseconds, int queued)
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 4, LendsInstances = !isBound, Delay = TimeSpan.FromMicroseconds(delayMicroseconds) });
        for (var i = 0; i < queued; i++) scheduler.TryAdd(Request(1));
        Assert.Null(scheduler.TryBorrow(Request(1)));
        // Neither to one that would be late, nor when a run takes long, nor at the end.
        using var slow = Scheduler(new BatchingPolicy { LargestBatch = 4 });
        slow.Ran(0, 1, Stopwatch.Frequency / 1000);
        Assert.Null(slow.TryBorrow(Request(1, Stopwatch.GetTimestamp())));
        for (var i = 0; i < 20; i++) slow.Ran(0, 1, Stopwatch.Frequency);
        Assert.Null(slow.TryBorrow(Request(1)));
        using var stopped = Scheduler(new BatchingPolicy { LargestBatch = 4 });
        stopped.Stop();
        Assert.Null(stopped.TryBorrow(Request(1)));
    }

    [Fact]
    public async Task Lanes_run_a_request_each_while_there_are_enough_and_all_threads_run_the_rest()
    {
        // Instance 0 has all threads, 1 and 2 are lanes.
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 8, Lanes = 2 });
        var alone = Request(1);
        scheduler.TryAdd(alone);
        Assert.Equal([alone], Taken(scheduler, 0));
        PendingRequest[] requests = [.. new[] { 1, 1, 1, 3, 1 }.Select(rows => Request(rows))];
        foreach (var request in requests) scheduler.TryAdd(request);
        var (first, second) = (TakeAsync(scheduler, 1), TakeAsync(scheduler, 2));
        // Not while all threads run the one that came alone.
        Assert.False(await IsDoneAsync(first, second));
        var team = TakeAsync(scheduler, 0);
        Assert.Equal(requests[..2].ToHashSet(), [.. await first, .. await second]);
        Assert.Equal([requests[2]], Taken(scheduler, 1));
        // The next one has three rows: it is run by all threads, when both lanes are done.
        first = TakeAsync(scheduler, 1);
        Assert.False(await IsDoneAsync(first, team));
        second = TakeAsync(scheduler, 2);
        Assert.Equal(requests[3..], await team);
        scheduler.Stop();
        Assert.False(scheduler.Take(0, []));
        Assert.Empty(await first);
        Assert.Empty(await second);

        static List<PendingRequest> Taken(BatchScheduler scheduler, int instance)
        {
            var batch = new List<PendingRequest>();
            scheduler.Take(instance, batch);
            return batch;
        }

        static Task<List<PendingRequest>> TakeAsync(BatchScheduler scheduler, int instance) => Task.Factory.StartNew(() => Taken(scheduler, instance), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        static async Task<bool> IsDoneAsync(params Task[] tasks)
        {
            await Task.Delay(50);
            return tasks.Any(task => task.IsCompleted);
        }
    }

    [Fact]
    public void Requests_for_lanes_are_refused_by_the_time_of_a_lane()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 8, Lanes = 2 });
        // Alone a request takes a second, in a lane two.
        scheduler.Ran(0, 1, Stopwatch.Frequency);
        scheduler.Ran(1, 1, 2 * Stopwatch.Frequency);
        for (var i = 0; i < 4; i++) scheduler.TryAdd(Request(1));
        Assert.True(scheduler.Take(1, []));
        Assert.True(scheduler.Take(2, []));
        // Two run and two wait, so the next one ends after six seconds; half of the time that is left must be enough.
        var now = Stopwatch.GetTimestamp();
        Assert.Throws<RequestException>(() => scheduler.TryAdd(Request(1, now + 11 * Stopwatch.Frequency)));
        Assert.True(scheduler.TryAdd(Request(1, now + 13 * Stopwatch.Frequency)));
        // A lane takes no longer than all threads for as many requests as there are lanes, whatever was measured.
        for (var i = 0; i < 100; i++) scheduler.Ran(1, 1, 100 * Stopwatch.Frequency);
        Assert.True(scheduler.TryAdd(Request(1, now + 16 * Stopwatch.Frequency)));
    }

    [Fact]
    public async Task Requests_in_lanes_get_the_bits_that_they_get_alone()
    {
        var graph = Networks.Slow();
        await using var served = await ServedRepository.With("net", graph).StartAsync(options => options with { Threads = 2 });
        var x = Enumerable.Range(0, 4).Select(i => Tensor.Create(new Shape(1, 32, 48, 48), Networks.Values(i, 32 * 48 * 48))).ToArray();
        byte[][] expected = [.. x.Select(tensor => Networks.Expected(graph, tensor))];
        await Task.WhenAll(Enumerable.Range(0, 24).Select(async i => Assert.Equal(expected[i % 4], await served.InferBinaryAsync("net", x[i % 4]))));
    }

    [Fact]
    public async Task A_server_that_stops_answers_what_it_accepted()
    {
        await using var served = await ServedRepository.With("net", Networks.Slow()).StartAsync();
        var x = Tensor.Create(new Shape(8, 32, 48, 48), Networks.Values(1, 8 * 32 * 48 * 48));
        // One runs and two wait; if they came too slowly for that, once more.
        Task<byte[]>[] accepted;
        do
        {
            accepted = [.. Enumerable.Range(0, 3).Select(_ => served.InferBinaryAsync("net", x))];
            while (!accepted.All(request => request.IsCompleted) && !await IsPendingAsync(served, 2)) await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        while (accepted.All(request => request.IsCompleted));
        await served.Server.StopAsync();
        Assert.All(await Task.WhenAll(accepted), answer => Assert.Equal(8 * 32 * 4, answer.Length));
    }

    private static async Task UntilPendingAsync(ServedRepository served, int count)
    {
        for (var tries = 0; tries < 500; tries++)
        {
            if (await IsPendingAsync(served, count)) return;
            await Task.Delay(20);
        }
        Assert.Fail($"There were never {count} requests in the queue.");
    }

    private static async Task<bool> IsPendingAsync(ServedRepository served, int count) =>
        (await served.Http.GetStringAsync("/metrics")).Contains($"nv_inference_pending_request_count{{model=\"net\",version=\"1\"}} {count}\n", StringComparison.Ordinal);

    private static BatchScheduler Scheduler(BatchingPolicy policy) => new("net", policy, new ModelStatistics("net", 1));

    private static PendingRequest Request(int rows, long deadline = long.MaxValue) => new() { Inputs = [], Rows = rows, ArrivedAt = Stopwatch.GetTimestamp(), Deadline = deadline };
}
