namespace Pith.Cli.Tests;

/// <summary><c>pith optimize</c> from the command line.</summary>
public sealed class OptimizeTests : IDisposable
{
    private const string Data = "procedural:seed=1,count=96";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void It_writes_a_network_a_chart_and_trials_that_serve_other_targets()
    {
        var output = _folder.File("made/net.onnx");
        string[] settings = ["optimize", SmallNetwork.Save(_folder), "--data", Data, "--samples", "24", "--effort", "fast", "--metric", "snr", "-o", output];
        var missed = PithCommand.Run([.. settings, "--max-drop", "0", "--speedup", "90"]).Ends(1);
        Assert.Contains("Not reached", missed.Error, StringComparison.Ordinal);
        string[] arguments = [.. settings, "--max-drop", "20"];
        var json = PithCommand.Run([.. arguments, "--json"]).Ends(0).Json;
        Assert.True(json.GetProperty("is_reached").GetBoolean());
        Assert.InRange(json.GetProperty("chosen").GetProperty("loss").GetDouble(), 0, 20);
        Assert.Equal("all INT8", json.GetProperty("trials")[0].GetProperty("name").GetString());
        Assert.All(json.GetProperty("chosen").GetProperty("layers").EnumerateArray(), layer => Assert.Matches("(int8|float)$", layer.GetProperty("option").GetString()!));
        Assert.All(["<svg", "chosen", "all INT8"], expected => Assert.Contains(expected, File.ReadAllText(json.GetProperty("page").GetString()!), StringComparison.Ordinal));
        Assert.Equal(["made/net.onnx", "made/net.onnx.search.html", "made/net.onnx.trials.jsonl", "small/net.onnx"], _folder.Files);
        var network = File.ReadAllBytes(output);
        var again = PithCommand.Run(arguments).Ends(0);
        Assert.Contains("reused from an earlier run", again.Output, StringComparison.Ordinal);
        Assert.Equal(network, File.ReadAllBytes(output));
        PithCommand.Run("info", output).Ends(0);
    }

    [Theory]
    [InlineData(1, "--speedup", "0.5")]
    [InlineData(1, "--max-drop", "-1")]
    [InlineData(1, "--samples", "90")]
    [InlineData(2, "--speedup", "fast")]
    public void What_cannot_be_is_refused_and_nothing_is_written(int exitCode, params string[] arguments)
    {
        PithCommand.Run(["optimize", "cifar-resnet8", "--data", Data, .. arguments, "-o", _folder.File("s.onnx")]).Refuses(exitCode);
        Assert.Empty(_folder.Files);
    }
}
