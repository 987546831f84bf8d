using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Grpc.Core;

namespace Pith.Serving.Tests;

/// <summary>How requests wait, share batches, and leave the queue.</summary>
public sealed class SchedulingTests
{
    [Fact]
    public async Task Requests_share_batches_and_get_the_bits_that_they_get_alone()
    {
        var graph = Networks.Classifier();
        await using var served = await ServedRepository.With("net", graph).StartAsync(options => options with { QueueDelay = TimeSpan.FromMilliseconds(20) });
        var tasks = Enumerable.Range(0, 24).Select(async i =>
        {
            var images = Networks.Images(i, 1 + i % 3);
            return (Expected: Networks.Expected(graph, images), Got: i % 2 == 0 ? await served.InferBinaryAsync("net", images) : (await served.Grpc.ModelInferAsync(ServedRepository.GrpcRequest("net", images))).RawOutputContents[0].ToByteArray());
        });
        foreach (var (expected, got) in await Task.WhenAll(tasks)) Assert.Equal(expected, got);
        var model = (await served.GetAsync("/v2/models/net/stats")).GetProperty("model_stats")[0];
        Assert.Equal(48, model.GetProperty("inference_count").GetInt32());
        Assert.InRange(model.GetProperty("execution_count").GetInt32(), 6, 20);
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
        await using var served = await ServedRepository.With("net", Networks.Slow()).StartAsync(options => options with { QueueLimit = 4, MaxBatch = 2 });
        var x = Tensor.Create(new Shape(2, 32, 48, 48), Networks.Values(1, 2 * 32 * 48 * 48));
        var http = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            using var response = await served.Http.SendAsync(ServedRepository.BinaryRequest("net", x));
            if (response.StatusCode == HttpStatusCode.ServiceUnavailable) Assert.Contains("overloaded", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            return response.StatusCode;
        }));
        Assert.Contains(HttpStatusCode.OK, http);
        Assert.Contains(HttpStatusCode.ServiceUnavailable, http);
        Assert.Equal(20, http.Count(status => status is HttpStatusCode.OK or HttpStatusCode.ServiceUnavailable));
        var grpc = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            try
            {
                await served.Grpc.ModelInferAsync(ServedRepository.GrpcRequest("net", x));
                return StatusCode.OK;
            }
            catch (RpcException failure)
            {
                return failure.StatusCode;
            }
        }));
        Assert.Equal([StatusCode.OK, StatusCode.ResourceExhausted], grpc.Distinct().Order());
        var metrics = await served.Http.GetStringAsync("/metrics");
        Assert.Contains($"nv_inference_request_failure{{model=\"net\",reason=\"REJECTED\",version=\"1\"}} {http.Count(status => status != HttpStatusCode.OK) + grpc.Count(status => status != StatusCode.OK)}\n", metrics, StringComparison.Ordinal);
        Assert.Contains("nv_inference_pending_request_count{model=\"net\",version=\"1\"} 0\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_that_cannot_be_answered_in_time_is_refused()
    {
        await using var served = await ServedRepository.With("net", Networks.Slow(), "dynamic_batching { default_queue_policy { default_timeout_microseconds: 10000000 allow_timeout_override: true } }").StartAsync();
        var x = Tensor.Create(new Shape(8, 32, 48, 48), Networks.Values(1, 8 * 32 * 48 * 48));
        // Keeps the instance at work.
        var before = Enumerable.Range(0, 4).Select(_ => served.InferBinaryAsync("net", x)).ToArray();
        await Task.Delay(5, TestContext.Current.CancellationToken);
        using var response = await served.Http.SendAsync(ServedRepository.BinaryRequest("net", x, ",\"timeout\":1000"));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("time-out", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await Task.WhenAll(before);
    }

    [Fact]
    public async Task A_cancelled_request_leaves_the_queue()
    {
        // Nothing runs before there are eight rows.
        await using var served = await ServedRepository.With("net", Networks.Classifier(), "max_batch_size: 8 dynamic_batching { max_queue_delay_microseconds: 60000000 }").StartAsync();
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
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 2, Timeout = TimeSpan.FromSeconds(10) });
        scheduler.Ran(3 * Stopwatch.Frequency);
        var inTime = Stopwatch.GetTimestamp() + 10 * Stopwatch.Frequency;
        // Batches of two, three seconds each, after one that may be running: the third one ends after twelve seconds.
        for (var i = 0; i < 4; i++) Assert.True(scheduler.TryAdd(Request(1, inTime)));
        Assert.True(scheduler.IsFull);
        Assert.Equal(RequestFault.Overloaded, Assert.Throws<RequestException>(() => scheduler.TryAdd(Request(1, inTime))).Fault);
        Assert.True(scheduler.TryAdd(Request(1)));
    }

    [Fact]
    public async Task An_estimate_that_was_wrong_does_not_refuse_for_ever()
    {
        using var scheduler = Scheduler(new BatchingPolicy { LargestBatch = 2 });
        scheduler.Ran(3600 * Stopwatch.Frequency);
        var taking = Task.Run(() =>
        {
            var batch = new List<PendingRequest>();
            return scheduler.Take(0, batch) ? batch.Count : 0;
        });
        for (var tries = 0; tries < 200 && !taking.IsCompleted; tries++)
        {
            var request = Request(1, Stopwatch.GetTimestamp() + Stopwatch.Frequency);
            Assert.True(scheduler.TryAdd(request));
            await Task.WhenAny(request.Answer, taking);
        }
        scheduler.Stop();
        Assert.Equal(1, await taking);
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
        slow.Ran(Stopwatch.Frequency / 1000);
        Assert.Null(slow.TryBorrow(Request(1, Stopwatch.GetTimestamp())));
        slow.Ran(Stopwatch.Frequency);
        Assert.Null(slow.TryBorrow(Request(1)));
        using var stopped = Scheduler(new BatchingPolicy { LargestBatch = 4 });
        stopped.Stop();
        Assert.Null(stopped.TryBorrow(Request(1)));
    }

    [Fact]
    public async Task A_server_that_stops_answers_what_it_accepted()
    {
        await using var served = await ServedRepository.With("net", Networks.Slow()).StartAsync();
        var x = Tensor.Create(new Shape(8, 32, 48, 48), Networks.Values(1, 8 * 32 * 48 * 48));
        var accepted = Enumerable.Range(0, 3).Select(_ => served.InferBinaryAsync("net", x)).ToArray();
        while (JsonDocument.Parse(await served.Http.GetStringAsync("/v2/models/net/stats")).RootElement.GetProperty("model_stats")[0].GetProperty("execution_count").GetInt32() == 0) await Task.Delay(1, TestContext.Current.CancellationToken);
        await served.Server.StopAsync();
        Assert.All(await Task.WhenAll(accepted), answer => Assert.Equal(8 * 32 * 4, answer.Length));
    }

    private static async Task UntilPendingAsync(ServedRepository served, int count)
    {
        for (var tries = 0; tries < 500; tries++)
        {
            if ((await served.Http.GetStringAsync("/metrics")).Contains($"nv_inference_pending_request_count{{model=\"net\",version=\"1\"}} {count}\n", StringComparison.Ordinal)) return;
            await Task.Delay(20);
        }
        Assert.Fail($"There were never {count} requests in the queue.");
    }

    private static BatchScheduler Scheduler(BatchingPolicy policy) => new("net", policy, new ModelStatistics("net", 1));

    private static PendingRequest Request(int rows, long deadline = long.MaxValue) => new() { Inputs = [], Rows = rows, Deadline = deadline };
}
