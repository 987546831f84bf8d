namespace Pith.Cli.Tests;

/// <summary><c>pith prune --pattern auto</c> from the command line and in a recipe; never how fast anything is.</summary>
public sealed class PruneAutoTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_choice_and_what_it_was_made_from_are_told()
    {
        var json = PithCommand.Run("prune", SmallNetwork.Save(_folder), "--pattern", "auto", "--keep", "0.7", "--batch", "2", "--threads", "1", "-o", _folder.File("s.onnx"), "--json").Ends(0).Json;
        var selection = json.GetProperty("selection");
        Assert.Equal(2, selection.GetProperty("batch").GetInt32());
        Assert.Equal(1, selection.GetProperty("threads").GetInt32());
        Assert.InRange(selection.GetProperty("kept_magnitude").GetDouble(), 0.7, 1);
        Assert.True(selection.GetProperty("measured_speedup").GetDouble() > 0);
        Assert.Equal(SmallNetwork.Layers - 1, selection.GetProperty("weights").GetArrayLength());
        Assert.All(selection.GetProperty("weights").EnumerateArray(), weight => Assert.Equal("dense", weight.GetProperty("options")[0].GetProperty("pattern").GetString()));
        Assert.Equal(selection.GetProperty("weights").EnumerateArray().Count(weight => weight.GetProperty("chosen").GetString() != "dense"), json.GetProperty("pruned_layers").GetInt32());
    }

    [Fact]
    public void A_target_beyond_reach_is_a_warning_and_people_read_what_was_reached()
    {
        var run = PithCommand.Run("prune", SmallNetwork.Save(_folder), "--pattern", "auto", "--speedup", "50", "-o", _folder.File("s.onnx")).Ends(0);
        Assert.All(["gain, µs", "The target of 50.00x is not met"], expected => Assert.Contains(expected, run.Output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--pattern", "auto", "--speedup", "0.5")]
    [InlineData("--pattern", "auto", "--speedup", "many")]
    [InlineData("--pattern", "auto", "--keep", "65")]
    [InlineData("--pattern", "auto", "--batch", "0")]
    [InlineData("--pattern", "16:2:4", "--speedup", "1.4")]
    [InlineData("--pattern", "automatic")]
    public void A_value_that_cannot_be_is_refused_and_nothing_is_written(params string[] arguments)
    {
        var run = PithCommand.Run(["prune", "cifar-resnet8", .. arguments, "-o", _folder.File("s.onnx")]);
        Assert.InRange(run.ExitCode, 1, 2);
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void A_recipe_measures_once()
    {
        File.WriteAllText(_folder.File("r.json"), $$"""
            { "name": "auto", "model": { "file": "{{SmallNetwork.Save(_folder).Replace('\\', '/')}}" }, "data": { "test": "procedural:seed=1,count=8" }, "benchmark": { "batches": [1], "seconds": 0 },
              "steps": [ { "step": "prune", "pattern": "auto", "speedup": 1.05, "keep": 0.6 } ] }
            """);
        bool Kept() => PithCommand.Run("run", _folder.File("r.json"), "-o", _folder.File("out"), "--json").Ends(0).Json.GetProperty("stages").EnumerateArray().Last().GetProperty("was_kept").GetBoolean();
        Assert.False(Kept());
        Assert.True(Kept());
    }
}
