using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Pith.Compression.Data;

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

        using var server = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Pith.Cli.dll"), "serve", folder.File("net.onnx"), "--http-port", "0", "--grpc-port", "0", "--threads", "1", "--json"]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var error = server.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            var addresses = JsonDocument.Parse(await FirstObjectAsync(server.StandardOutput)).RootElement;
            var http = addresses.GetProperty("http").GetString()!;
            await UntilReadyAsync(new Uri(http));
            foreach (var (protocol, address) in new[] { ("http", http), ("grpc", addresses.GetProperty("grpc").GetString()!) })
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
    public void A_repository_that_is_not_there_ends_the_server_with_its_reason() =>
        Assert.Contains("There is no model repository 'nowhere'", PithCommand.Run("serve", "nowhere", "--http-port", "0", "--grpc-port", "0").Ends(1).Error, StringComparison.Ordinal);

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

    private static async Task UntilReadyAsync(Uri server)
    {
        using var http = new HttpClient { BaseAddress = server };
        for (var tries = 0; tries < 600; tries++)
        {
            using var response = await http.GetAsync("/v2/health/ready");
            if (response.IsSuccessStatusCode) return;
            await Task.Delay(50);
        }
        Assert.Fail("The server is not ready after 30 seconds.");
    }
}
