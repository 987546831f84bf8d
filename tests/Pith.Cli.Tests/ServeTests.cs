using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Pith.Compression.Data;
using Pith.Ops;

namespace Pith.Cli.Tests;

/// <summary><c>pith serve</c> as a process, asked by <c>pith client</c>.</summary>
public sealed class ServeTests
{
    [Fact]
    public async Task A_served_network_answers_the_bits_of_infer_and_stops_when_it_is_told_to()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("models", "cifar-resnet8", "-o", folder.File("net.onnx")).Ends(0);
        var random = new Random(1);
        Npy.Write(folder.File("x.npy"), Tensor.Create(new Shape(2, 3, 32, 32), Enumerable.Range(0, 2 * 3 * 32 * 32).Select(_ => random.NextSingle()).ToArray()));
        PithCommand.Run("infer", folder.File("net.onnx"), "--input", folder.File("x.npy"), "--output", folder.File("expected.npz")).Ends(0);

        using var server = Start(folder.File("net.onnx"));
        try
        {
            var error = server.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var (http, grpc) = await UntilReadyAsync(server);
            foreach (var (protocol, address) in new[] { ("http", http), ("grpc", grpc) })
            {
                PithCommand.Run("client", address, "infer", "net", "--protocol", protocol, "--input", folder.File("x.npy"), "--output", folder.File($"{protocol}.npz")).Ends(0);
                var name = Assert.Single(Npz.Names(folder.File("expected.npz")));
                Assert.Equal(Npz.Read(folder.File("expected.npz"), name).Bytes.ToArray(), Npz.Read(folder.File($"{protocol}.npz"), name).Bytes.ToArray());
                var bench = PithCommand.Run("client", address, "bench", "net", "--protocol", protocol, "--concurrency", "1,2", "--duration", "0.2", "--warm-up", "50", "--json").Ends(0);
                var loads = JsonDocument.Parse(bench.Output).RootElement.GetProperty("loads").EnumerateArray().ToArray();
                Assert.Equal([1, 2], loads.Select(load => load.GetProperty("concurrency").GetInt32()));
                Assert.All(loads, load => Assert.True(load.GetProperty("inferences_per_second").GetDouble() > 0 && load.GetProperty("p99_ms").GetDouble() >= load.GetProperty("p50_ms").GetDouble() && load.GetProperty("failed").GetInt32() == 0));
            }
            Assert.Contains("no model 'other'", PithCommand.Run("client", http, "bench", "other").Refuses(1).Error, StringComparison.Ordinal);
            if (!OperatingSystem.IsLinux()) return;
            using (var signal = Process.Start("kill", ["-TERM", $"{server.Id}"])) await signal.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(server.WaitForExit(TimeSpan.FromSeconds(20)), "the server did not stop");
            Assert.True(server.ExitCode == 0, await error);
        }
        finally
        {
            if (!server.HasExited) server.Kill();
        }
    }

    [Fact]
    public async Task A_server_that_is_killed_while_it_writes_a_plan_or_answers_leaves_nothing_that_stops_the_next()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere a process is not ended in the middle of a system call.");
        using var folder = new TemporaryFolder();
        var graph = new Graph("wide");
        // A plan of 64 MiB takes some time to write.
        var weight = graph.AddConstant("weight", Tensor.Create(new Shape(4096, 4096), new float[4096 * 4096]));
        graph.AddOutput(graph.AddNode(new MatMul(), [graph.AddInput("x", TensorType.Float32(Dim.Named("N"), 4096)), weight], "product", ["y"]).Output);
        Directory.CreateDirectory(folder.File("models"));
        OnnxModel.Save(graph, folder.File("models/net.onnx"));
        var cache = folder.File("models/.pith-cache");
        for (var tries = 0; Unfinished().Length == 0; tries++)
        {
            Assert.True(tries < 5, "no kill hit the server while it wrote");
            if (Directory.Exists(cache)) Directory.Delete(cache, recursive: true);
            using var killed = Start(folder.File("models"));
            while (Unfinished().Length + Plans().Length == 0 && !killed.HasExited) await Task.Delay(1, TestContext.Current.CancellationToken);
            killed.Kill();
            await killed.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        Assert.Empty(Plans());
        for (var start = 0; start < 2; start++)
        {
            using var server = Start(folder.File("models"));
            var (http, _) = await UntilReadyAsync(server);
            Assert.Empty(Unfinished());
            var plan = Assert.Single(Plans());
            using var client = new HttpClient { BaseAddress = new Uri(http) };
            Assert.Equal("""{"name":"net","ready":true}""", await client.GetStringAsync("/v2/models/net/ready", TestContext.Current.CancellationToken));
            // Killed under load, it has changed nothing.
            var before = File.GetLastWriteTimeUtc(plan);
            var load = Task.Run(() => PithCommand.Run("client", http, "bench", "net", "--concurrency", "4", "--duration", "2", "--warm-up", "0"));
            while ((await client.GetStringAsync("/metrics", TestContext.Current.CancellationToken)).Contains("nv_inference_exec_count{model=\"net\",version=\"1\"} 0\n", StringComparison.Ordinal)) await Task.Delay(1, TestContext.Current.CancellationToken);
            server.Kill();
            (await load).Refuses(1);
            Assert.Equal((plan, before), (Assert.Single(Plans()), File.GetLastWriteTimeUtc(plan)));
        }

        string[] Unfinished() => Files("*.tmp");
        string[] Plans() => Files("*.plan");
        string[] Files(string pattern) => Directory.Exists(cache) ? Directory.GetFiles(cache, pattern, SearchOption.AllDirectories) : [];
    }

    [Fact]
    public void A_repository_that_is_not_there_ends_the_server_with_its_reason() =>
        Assert.Contains("There is no model repository 'nowhere'", PithCommand.Run("serve", "nowhere", "--http-port", "0", "--grpc-port", "0").Ends(1).Error, StringComparison.Ordinal);

    private static Process Start(string repository) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Pith.Cli.dll"), "serve", repository, "--http-port", "0", "--grpc-port", "0", "--threads", "1", "--json"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;

    private static async Task<string> FirstObjectAsync(StreamReader output)
    {
        var text = new StringBuilder();
        while (await output.ReadLineAsync() is { } line)
        {
            text.AppendLine(line);
            if (line == "}") break;
        }
        return text.ToString();
    }

    private static async Task<(string Http, string Grpc)> UntilReadyAsync(Process server)
    {
        var addresses = JsonDocument.Parse(await FirstObjectAsync(server.StandardOutput)).RootElement;
        var http = addresses.GetProperty("http").GetString()!;
        using var client = new HttpClient { BaseAddress = new Uri(http) };
        for (var tries = 0; tries < 600; tries++)
        {
            using var response = await client.GetAsync("/v2/health/ready");
            if (response.IsSuccessStatusCode) return (http, addresses.GetProperty("grpc").GetString()!);
            await Task.Delay(50);
        }
        throw new TimeoutException("The server is not ready after 30 seconds.");
    }
}
