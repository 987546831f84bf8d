using System.Text.Json;

namespace Pith.Cli.Tests;

/// <summary><c>pith run</c>: what is kept, and the report.</summary>
public sealed class RecipeTests
{
    private const string Recipe = """
        // Small enough for a test.
        {
          "name": "tiny <&> recipe",
          "model": { "builder": "cifar-resnet8", "seed": 5 },
          "data": { "train": "procedural:seed=1,count=64", "test": "procedural:seed=2,count=32" },
          "benchmark": { "batches": [1, 4], "seconds": 0.01, "warm_up_seconds": 0, "min_runs": 2 },
          "steps": [
            { "step": "train", "name": "dense", "epochs": 1, "batch_size": 16 },
            { "step": "prune", "name": "pruned", "report": false },
            { "step": "quantize", "name": "int8", "samples": 16 },
          ]
        }
        """;

    [Fact]
    public void A_second_run_keeps_finished_steps_and_a_changed_step_runs_again()
    {
        using var folder = new TemporaryFolder();
        var recipe = folder.File("tiny.json");
        File.WriteAllText(recipe, Recipe);
        Assert.Equal([false, false], WasKept(Run(recipe, folder)));
        var model = File.ReadAllBytes(folder.File("out/int8.onnx"));

        Assert.Equal([true, true], WasKept(Run(recipe, folder)));
        Assert.Equal(model, File.ReadAllBytes(folder.File("out/int8.onnx")));

        File.WriteAllText(recipe, Recipe.Replace("\"samples\": 16", "\"samples\": 17", StringComparison.Ordinal));
        Assert.Equal([true, false], WasKept(Run(recipe, folder)));

        // A model that was damaged since is made again, not trusted.
        File.AppendAllText(folder.File("out/int8.onnx"), "damage");
        File.WriteAllText(folder.File("out/report.json"), "");
        Assert.Equal([true, false], WasKept(Run(recipe, folder)));

        CheckReport(folder.File("out"));
        var page = File.ReadAllText(folder.File("out/report.html"));
        Assert.Contains("Sparsity by layer", page, StringComparison.Ordinal);
        // The step was kept, and so was its curve.
        Assert.Contains("Training of dense", page, StringComparison.Ordinal);
        Assert.Contains("aria-label=\"Loss by epoch\"", page, StringComparison.Ordinal);
        Assert.Contains("cannot be: 3 input channels", page, StringComparison.Ordinal);
        Assert.DoesNotContain(folder.Files, file => file.EndsWith(".tmp", StringComparison.Ordinal) || file.EndsWith(".checkpoint", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("""{ "name": "x" }""")]
    [InlineData("""{ "name": "x", "model": { "builder": "nosuch" }, "data": { "test": "procedural:count=8" }, "steps": [ { "step": "prune" } ] }""")]
    [InlineData("""{ "name": "x", "model": { "file": "missing.onnx" }, "data": { "test": "procedural:count=8" }, "steps": [ { "step": "prune" } ] }""")]
    [InlineData("""{ "name": "x", "model": { "builder": "cifar-resnet8" }, "data": { "test": "procedural:count=8" }, "steps": [ { "step": "melt" } ] }""")]
    [InlineData("""{ "name": "x", "model": { "builder": "cifar-resnet8" }, "data": { "test": "procedural:count=8" }, "steps": [ { "step": "prune", "from": "later" } ] }""")]
    [InlineData("""{ "name": "x", "model": { "builder": "cifar-resnet8" }, "data": { "test": "procedural:count=8" }, "steps": [ { "step": "prune", "name": "../escape" } ] }""")]
    [InlineData("""{ "name": "x", "model": { "builder": "cifar-resnet8" }, "data": { "test": "procedural:count=8" }, "steps": [ { "step": "train" } ] }""")]
    [InlineData("""{ "name": "x", "model": { "builder": "cifar-resnet8" }, "data": { "train": "procedural:count=8", "test": "procedural:count=8" }, "steps": [ { "step": "train" } ] }""")]
    [InlineData("""{ "name": "x", "model": { "builder": "cifar-resnet8" }, "data": { "train": "procedural:seed=1", "test": "procedural:count=8" }, "steps": [ { "step": "train", "epochs": 1e9 } ] }""")]
    public void A_recipe_that_is_wrong_is_a_clear_error_and_makes_no_folder(string text)
    {
        using var folder = new TemporaryFolder();
        var recipe = folder.File("wrong.json");
        File.WriteAllText(recipe, text);
        PithCommand.Run("run", recipe, "-o", folder.File("out")).Refuses(1);
        Assert.Equal(["wrong.json"], folder.Files);
    }

    [Fact]
    public void An_output_folder_that_is_a_file_is_refused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder.File("tiny.json"), Recipe);
        PithCommand.Run("run", folder.File("tiny.json"), "-o", folder.File("tiny.json")).Refuses(2);
        PithCommand.Run("demo", "-o", folder.File("tiny.json")).Refuses(2);
    }

    private static JsonElement Run(string recipe, TemporaryFolder folder) => PithCommand.Run("run", recipe, "-o", folder.File("out"), "--json").Ends(0).Json;

    /// <summary>Of the reported stages, in order.</summary>
    private static bool[] WasKept(JsonElement report) => [.. report.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("was_kept").GetBoolean())];

    private static void CheckReport(string folder)
    {
        var page = File.ReadAllText(Path.Combine(folder, "report.html"));
        // Accuracy, size, latency at two batch sizes, and two curves of training.
        Assert.Equal(6, page.Split("<svg ").Length - 1);
        foreach (var outside in (string[])["http:", "https:", "src=", "href=", "url(", "@import", "<script", "<link"]) Assert.DoesNotContain(outside, page, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("tiny &lt;&amp;&gt; recipe", page, StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", page, StringComparison.Ordinal);

        var report = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "report.json"))).RootElement;
        Assert.Equal("dense", report.GetProperty("baseline").GetString());
        foreach (var stage in report.GetProperty("stages").EnumerateArray())
        {
            Assert.Equal(32, stage.GetProperty("accuracy").GetProperty("count").GetInt32());
            Assert.Equal(2, stage.GetProperty("latency").GetArrayLength());
            Assert.True(stage.GetProperty("layers").GetArrayLength() > 0);
        }
    }
}
