using System.Text.Json;

namespace Pith.Cli.Tests;

/// <summary><c>pith quantize --max-drop</c> from the command line and in a recipe.</summary>
public sealed class QuantizeSearchTests : IDisposable
{
    private const string Data = "procedural:seed=1,count=96";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_front_is_told_drawn_and_saved_and_the_same_command_repeats_no_trial()
    {
        var output = _folder.File("net-int8.onnx");
        var all = Run(output, 100).Ends(0).Json.GetProperty("search");
        Assert.Empty(all.GetProperty("chosen").GetProperty("float_layers").EnumerateArray());
        var target = all.GetProperty("chosen").GetProperty("loss").GetDouble() / 2;
        var search = Run(output, target).Ends(0).Json.GetProperty("search");
        Assert.True(search.GetProperty("is_reached").GetBoolean());
        Assert.InRange(search.GetProperty("chosen").GetProperty("loss").GetDouble(), 0, target);
        Assert.NotEmpty(search.GetProperty("keep_float").EnumerateArray());
        Assert.Contains(search.GetProperty("front").EnumerateArray(), point => point.GetProperty("name").GetString() == "chosen" && point.GetProperty("median_ms").GetDouble() > 0);
        var page = File.ReadAllText(search.GetProperty("page").GetString()!);
        Assert.All(["<svg", "The front", "Trials", "Layers", "chosen"], expected => Assert.Contains(expected, page, StringComparison.Ordinal));
        Assert.Equal(["net-int8.onnx", "net-int8.onnx.search.html", "net-int8.onnx.trials.jsonl", "small/net.onnx"], _folder.Files);

        var (network, trials) = (File.ReadAllBytes(output), File.ReadAllLines(output + ".trials.jsonl"));
        var again = Run(output, target).Ends(0).Json.GetProperty("search");
        Assert.Equal(trials.Length - 1, again.GetProperty("kept_trials").GetInt32());
        Assert.Equal(network, File.ReadAllBytes(output));
        Assert.Equal(trials, File.ReadAllLines(output + ".trials.jsonl"));
        // What it found can be had without a search.
        string[] kept = [.. search.GetProperty("keep_float").EnumerateArray().SelectMany(layer => new[] { "--keep-float", layer.GetString()! })];
        PithCommand.Run(["quantize", SmallNetwork.Save(_folder), "--data", Data, "--samples", "32", "--effort", "fast", .. kept, "-o", _folder.File("plain.onnx")]).Ends(0);
        PithCommand.Run("compare", output, _folder.File("plain.onnx"), "--identical").Ends(0);
    }

    [Fact]
    public void A_target_out_of_reach_ends_with_1_and_leaves_the_best_network()
    {
        var output = _folder.File("net.onnx");
        var run = PithCommand.Run([.. Arguments(output, 0), "--least-int8", "0.9"]).Ends(1);
        Assert.Contains("Not reached", run.Error, StringComparison.Ordinal);
        Assert.Contains("MACs in INT8", run.Output, StringComparison.Ordinal);
        PithCommand.Run("info", output).Ends(0);
    }

    [Fact]
    public void Trials_of_another_search_are_refused()
    {
        var output = _folder.File("net.onnx");
        Run(output, 100).Ends(0);
        var network = File.ReadAllBytes(output);
        var run = PithCommand.Run([.. Arguments(output, 100), "--calibrator", "max"]).Refuses(1);
        Assert.Contains("net.onnx.trials.jsonl", run.Error, StringComparison.Ordinal);
        Assert.Contains("other settings", run.Error, StringComparison.Ordinal);
        Assert.Equal(network, File.ReadAllBytes(output));
    }

    [Theory]
    [InlineData(1, "--max-drop", "-1")]
    [InlineData(1, "--metric", "snr")]
    [InlineData(1, "--max-drop", "1", "--metric", "psnr")]
    [InlineData(1, "--max-drop", "1", "--samples", "64")]
    [InlineData(1, "--max-drop", "1", "--validation", Data)]
    [InlineData(2, "--validation", "procedural:seed=2,count=8")]
    [InlineData(2, "--max-drop", "little")]
    public void What_cannot_be_is_refused_and_nothing_is_written(int exitCode, params string[] arguments)
    {
        PithCommand.Run(["quantize", "cifar-resnet8", "--data", Data, .. arguments, "-o", _folder.File("s.onnx")]).Refuses(exitCode);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void A_recipe_searches_too()
    {
        var model = SmallNetwork.Save(_folder).Replace('\\', '/');
        File.WriteAllText(_folder.File("r.json"), $$"""
            { "name": "searched", "model": { "file": "{{model}}" }, "data": { "train": "{{Data}}", "validation": "procedural:seed=3,count=16", "test": "procedural:seed=2,count=8" }, "benchmark": { "batches": [1], "seconds": 0 },
              "steps": [ { "step": "quantize", "effort": "fast", "samples": 32, "max_drop": 0, "metric": "snr", "least_int8": 0.95 } ] }
            """);
        var run = PithCommand.Run("run", _folder.File("r.json"), "-o", _folder.File("out")).Ends(0);
        Assert.Contains("Not reached", run.Error, StringComparison.Ordinal);
        Assert.True(File.Exists(_folder.File("out/quantize.onnx.trials.jsonl")));
        Assert.False(File.Exists(_folder.File("out/quantize.onnx.best.onnx")));
        // With other settings it begins anew.
        File.WriteAllText(_folder.File("r.json"), File.ReadAllText(_folder.File("r.json")).Replace("\"samples\": 32", "\"samples\": 24", StringComparison.Ordinal));
        PithCommand.Run("run", _folder.File("r.json"), "-o", _folder.File("out")).Ends(0);
    }

    private string[] Arguments(string output, double maxDrop) =>
        ["quantize", SmallNetwork.Save(_folder), "--data", Data, "--samples", "32", "--effort", "fast", "--metric", "snr", "--max-drop", maxDrop.ToString("R", System.Globalization.CultureInfo.InvariantCulture), "-o", output];

    private CommandResult Run(string output, double maxDrop) => PithCommand.Run([.. Arguments(output, maxDrop), "--json"]);
}
