using System.Net;
using Grpc.Core;

namespace Pith.Serving.Tests;

/// <summary>What is loaded, when, and what happens to the rest when something cannot be.</summary>
public sealed class RepositoryTests
{
    [Fact]
    public async Task A_model_is_replaced_under_load_without_a_failed_request()
    {
        var (old, young) = (Networks.Classifier(1), Networks.Classifier(2));
        await using var served = await ServedRepository.With("net", old).StartAsync();
        var images = Networks.Images(1, 1);
        var (before, after) = (Networks.Expected(old, images), Networks.Expected(young, images));
        using var done = new CancellationTokenSource();
        using var begun = new CountdownEvent(4);
        var callers = Enumerable.Range(0, 4).Select(caller => Task.Run(async () =>
        {
            var seen = new List<bool>();
            while (!done.IsCancellationRequested)
            {
                var answer = caller % 2 == 0 ? await served.InferBinaryAsync("net", images) : (await served.Grpc.ModelInferAsync(ServedRepository.GrpcRequest("net", images))).RawOutputContents[0].ToByteArray();
                if (seen.Count == 0) begun.Signal();
                seen.Add(answer.AsSpan().SequenceEqual(after) || (answer.AsSpan().SequenceEqual(before) ? false : throw new InvalidOperationException("an answer of neither model")));
            }
            return seen;
        })).ToArray();
        await UntilAsync(() => Task.FromResult(begun.IsSet));
        served.Add("net", young);
        await UntilAsync(async () => (await served.InferBinaryAsync("net", images)).AsSpan().SequenceEqual(after));
        await done.CancelAsync();
        foreach (var seen in await Task.WhenAll(callers))
        {
            Assert.Contains(false, seen);
            // Once the new model answered, the old one never does.
            Assert.DoesNotContain(false, seen.SkipWhile(isNew => !isNew));
        }
        var statistics = (await served.GetAsync("/v2/models/net/stats")).GetProperty("model_stats")[0].GetProperty("inference_stats");
        Assert.Equal(0, statistics.GetProperty("fail").GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_damaged_plan_makes_only_its_own_model_unavailable()
    {
        var graph = Networks.Classifier();
        await using var served = ServedRepository.With("good", graph);
        Directory.CreateDirectory(Path.Combine(served.Folder, "bad", "1"));
        using (var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = 2, TimeTactics = false })) engine.Save(Path.Combine(served.Folder, "bad", "1", "model.plan"));
        var plan = File.ReadAllBytes(Path.Combine(served.Folder, "bad", "1", "model.plan"));
        plan[plan.Length / 3] ^= 1;
        File.WriteAllBytes(Path.Combine(served.Folder, "bad", "1", "model.plan"), plan);
        await served.StartAsync();
        Assert.Equal(40, (await served.InferBinaryAsync("good", Networks.Images(1, 1))).Length);
        using var response = await served.Http.SendAsync(ServedRepository.BinaryRequest("bad", Networks.Images(1, 1)));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);
        Assert.Contains("damaged", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, (await served.Http.GetAsync("/v2/models/bad/ready")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await served.Http.GetAsync("/v2/health/ready")).StatusCode);
        using var index = await served.PostAsync("/v2/repository/index");
        var text = await index.Content.ReadAsStringAsync();
        Assert.Contains("\"name\":\"bad\",\"version\":\"1\",\"state\":\"UNAVAILABLE\"", text, StringComparison.Ordinal);
        Assert.Contains("\"name\":\"good\",\"version\":\"1\",\"state\":\"READY\"", text, StringComparison.Ordinal);

        // A mended file is taken without being asked.
        plan[plan.Length / 3] ^= 1;
        File.WriteAllBytes(Path.Combine(served.Folder, "bad", "1", "model.plan"), plan);
        await UntilAsync(async () => (await served.Http.GetAsync("/v2/models/bad/ready")).IsSuccessStatusCode);
        Assert.Equal(Networks.Expected(graph, Networks.Images(3, 2)), await served.InferBinaryAsync("bad", Networks.Images(3, 2)));
    }

    [Fact]
    public async Task What_cannot_be_loaded_leaves_what_was_loaded_before()
    {
        var graph = Networks.Classifier();
        await using var served = await ServedRepository.With("net", graph).StartAsync();
        served.Write("net/1/model.onnx", "not a model");
        await UntilAsync(async () => (await (await served.PostAsync("/v2/repository/index")).Content.ReadAsStringAsync()).Contains("cannot be loaded", StringComparison.Ordinal));
        Assert.Equal(Networks.Expected(graph, Networks.Images(1, 1)), await served.InferBinaryAsync("net", Networks.Images(1, 1)));
        served.Write("net/config.pbtxt", "max_batch_size: many");
        await UntilAsync(async () => (await (await served.PostAsync("/v2/repository/index")).Content.ReadAsStringAsync()).Contains("max_batch_size must be", StringComparison.Ordinal));
        Assert.Equal(Networks.Expected(graph, Networks.Images(1, 1)), await served.InferBinaryAsync("net", Networks.Images(1, 1)));
    }

    [Fact]
    public async Task A_version_serves_until_the_newer_one_is_there()
    {
        var (old, young) = (Networks.Classifier(1), Networks.Classifier(2));
        await using var served = await ServedRepository.With("net", old).StartAsync();
        var images = Networks.Images(1, 1);
        // The folder is there before its file, or with half of it, longer than two looks take.
        foreach (var file in (string?[])[null, "half of a model"])
        {
            Directory.CreateDirectory(Path.Combine(served.Folder, "net", "2"));
            if (file is not null) served.Write("net/2/model.onnx", file);
            await UntilAsync(async () => (await (await served.PostAsync("/v2/repository/index")).Content.ReadAsStringAsync()).Contains(file is null ? "has no model" : "cannot", StringComparison.Ordinal));
            Assert.Equal(Networks.Expected(old, images), await served.InferBinaryAsync("net", images));
            Assert.Equal([("1", "READY"), ("2", "UNAVAILABLE")], (await served.Grpc.RepositoryIndexAsync(new())).Models.Select(model => (model.Version, model.State)));
        }
        served.Add("net", young, version: 2);
        await UntilAsync(async () => (await served.GetAsync("/v2/models/net")).GetProperty("versions").GetRawText() == "[\"2\"]");
        Assert.Equal(Networks.Expected(young, images), await served.InferBinaryAsync("net", images));
    }

    [Fact]
    public async Task Requests_load_and_unload_when_that_is_how_models_are_controlled()
    {
        await using var served = await ServedRepository.With("a", Networks.Classifier(1)).Add("b", Networks.Classifier(2)).StartAsync(options => options with { Control = ModelControl.Explicit, StartupModels = ["a"] });
        Assert.Equal(HttpStatusCode.NotFound, (await served.Http.GetAsync("/v2/models/b")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await served.PostAsync("/v2/repository/models/b/load")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await served.Http.GetAsync("/v2/models/b")).StatusCode);
        await served.Grpc.RepositoryModelUnloadAsync(new() { ModelName = "a" });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await served.Http.GetAsync("/v2/models/a")).StatusCode);
        Assert.Equal([("a", "UNAVAILABLE", "unloaded"), ("b", "READY", "")], (await served.Grpc.RepositoryIndexAsync(new())).Models.Select(model => (model.Name, model.State, model.Reason)));
        Assert.Equal(["b"], (await served.Grpc.RepositoryIndexAsync(new() { Ready = true })).Models.Select(model => model.Name));
        Assert.Equal(HttpStatusCode.NotFound, (await served.PostAsync("/v2/repository/models/c/load")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await served.PostAsync("/v2/repository/models/..%2F..%2Fetc/load")).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await served.PostAsync("/v2/repository/models/a/load", """{"parameters":{"config":"{}"}}""")).StatusCode);
        await served.Grpc.RepositoryModelLoadAsync(new() { ModelName = "a" });
        Assert.Equal(HttpStatusCode.OK, (await served.Http.GetAsync("/v2/models/a")).StatusCode);
    }

    [Fact]
    public async Task A_server_that_follows_nothing_refuses_control()
    {
        await using var served = await ServedRepository.With("a", Networks.Classifier(1)).StartAsync(options => options with { Control = ModelControl.None });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await served.PostAsync("/v2/repository/models/a/unload")).StatusCode);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(async () => await served.Grpc.RepositoryModelLoadAsync(new() { ModelName = "a" }))).StatusCode);
    }

    [Theory]
    [InlineData("", new long[] { 3 })]
    [InlineData("version_policy: { latest { num_versions: 2 } }", new long[] { 2, 3 })]
    [InlineData("version_policy: { all { } }", new long[] { 1, 2, 3 })]
    [InlineData("version_policy: { specific { versions: [ 1, 3 ] } }", new long[] { 1, 3 })]
    public async Task The_version_policy_says_which_versions_are_served(string policy, long[] versions)
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier(1), policy).Add("net", Networks.Classifier(2), version: 2).Add("net", Networks.Classifier(3), version: 3).StartAsync();
        Assert.Equal(versions.Select(version => $"{version}"), (await served.GetAsync("/v2/models/net")).GetProperty("versions").EnumerateArray().Select(version => version.GetString()!));
        Assert.Equal(Networks.Expected(Networks.Classifier(3), Networks.Images(1, 1)), await served.InferBinaryAsync("net", Networks.Images(1, 1)));
        if (versions.Contains(1)) Assert.Equal(Networks.Expected(Networks.Classifier(1), Networks.Images(1, 1)), await served.InferBinaryAsync("net/versions/1", Networks.Images(1, 1)));
        served.Add("net", Networks.Classifier(4), version: 4);
        if (policy.Length == 0) await UntilAsync(async () => (await served.GetAsync("/v2/models/net")).GetProperty("versions")[0].GetString() == "4");
    }

    [Fact]
    public async Task Engines_are_built_once_and_a_damaged_cache_is_built_again()
    {
        var graph = Networks.Classifier();
        await using var served = ServedRepository.With("net", graph);
        var cache = Path.Combine(served.Folder, "cache");
        var expected = Networks.Expected(graph, Networks.Images(1, 1));
        string plan = "";
        DateTime written = default;
        for (var start = 0; start < 3; start++)
        {
            await using (await served.StartAsync(options => options with { CacheFolder = cache }) is var running ? running.Server : null)
                Assert.Equal(expected, await served.InferBinaryAsync("net", Networks.Images(1, 1)));
            plan = Assert.Single(Directory.GetFiles(Path.Combine(cache, "net", "1"), "*.plan"));
            if (start == 1) Assert.Equal(written, File.GetLastWriteTimeUtc(plan));
            if (start == 1) File.WriteAllText(plan, "damaged");
            else written = File.GetLastWriteTimeUtc(plan);
        }
        Assert.True(new FileInfo(plan).Length > 1000);
        // Another network in the place of the first leaves no plan of that after.
        served.Add("net", Networks.Classifier(2));
        await served.StartAsync(options => options with { CacheFolder = cache });
        Assert.NotEqual(plan, Assert.Single(Directory.GetFiles(Path.Combine(cache, "net", "1"), "*.plan")));
    }

    [Fact]
    public async Task A_file_alone_is_a_repository()
    {
        var graph = Networks.Classifier();
        await using var served = new ServedRepository();
        OnnxModel.Save(graph, Path.Combine(served.Folder, "net.onnx"));
        await served.StartAsync(options => options with { Repository = Path.Combine(served.Folder, "net.onnx") });
        Assert.Equal(Networks.Expected(graph, Networks.Images(1, 2)), await served.InferBinaryAsync("net", Networks.Images(1, 2)));
    }

    [Theory]
    [InlineData("name: \"other\"", "name is 'other'")]
    [InlineData("max_batch_size: -1", "max_batch_size must be")]
    [InlineData("input { name: \"y\" }", "no input 'y'")]
    [InlineData("input { name: \"x\" data_type: TYPE_INT8 }", "is TYPE_INT8")]
    [InlineData("max_batch_size: 8 input { name: \"x\" dims: [ 3, 9, 9 ] }", "has dims [3,9,9]")]
    [InlineData("output { name: \"scores\" label_filename: \"../../secret\" }", "label_filename must be")]
    [InlineData("output { name: \"scores\" label_filename: \"missing.txt\" }", "missing.txt")]
    [InlineData("default_model_filename: \"/etc/passwd\"", "default_model_filename must be")]
    [InlineData("version_policy { specific { versions: 7 } }", "version policy")]
    [InlineData("parameters { key: \"processors\" value { string_value: \"0;0\" } }", "instance_group")]
    [InlineData("dynamic_batching { preferred_batch_size: 0 }", "preferred_batch_size")]
    [InlineData("a { b: ", "end of the file")]
    [InlineData("a: \"b", "does not end")]
    public async Task A_configuration_that_cannot_be_is_the_reason_in_the_index(string config, string reason)
    {
        await using var served = await ServedRepository.With("net", Networks.Classifier(), config).StartAsync();
        using var index = await served.PostAsync("/v2/repository/index");
        var text = System.Text.Json.JsonDocument.Parse(await index.Content.ReadAsStringAsync()).RootElement[0].GetProperty("reason").GetString()!;
        Assert.Contains(reason, text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Instances_threads_and_processors_are_those_of_the_configuration()
    {
        var graph = Networks.Classifier();
        await using var served = await ServedRepository.With("net", graph, "instance_group [ { count: 2 kind: KIND_CPU } ]\nparameters { key: \"processors\" value: { string_value: \"0;0\" } }").StartAsync();
        var config = await served.GetAsync("/v2/models/net/config");
        Assert.Equal(2, config.GetProperty("instance_group")[0].GetProperty("count").GetInt32());
        Assert.Equal("0;0", config.GetProperty("parameters").GetProperty("processors").GetProperty("string_value").GetString());
        Assert.Equal("1", config.GetProperty("parameters").GetProperty("threads").GetProperty("string_value").GetString());
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async i => Assert.Equal(Networks.Expected(graph, Networks.Images(i, 1)), await served.InferBinaryAsync("net", Networks.Images(i, 1)))));
    }

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        for (var tries = 0; tries < 400; tries++)
        {
            if (await holds()) return;
            await Task.Delay(25);
        }
        Assert.Fail("It did not happen within 10 seconds.");
    }
}
