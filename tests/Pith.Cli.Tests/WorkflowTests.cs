using System.Text.Json;

namespace Pith.Cli.Tests;

/// <summary>The verbs one after another on a small network, and the names that scripts read from <c>--json</c>.</summary>
public sealed class WorkflowTests
{
    private const string Train = "procedural:seed=1,count=64";
    private const string Test = "procedural:seed=2,count=64";

    [Fact]
    public void A_training_is_stopped_averaged_and_drawn_as_options_say()
    {
        using var folder = new TemporaryFolder();
        string[] data = ["--data", Train, "--batch", "16", "--validation", "procedural:seed=3,count=16"];
        var trained = Json(["train", "cifar-resnet8", .. data, "-o", folder.File("net.onnx"), "--epochs", "6", "--lr", "1e-9", "--patience", "1", "--ema-decay", "0.9", "--html", folder.File("curves.html"), "--tensorboard", folder.File("board")]);
        var epochs = trained.GetProperty("epochs").GetInt32();
        Assert.InRange(epochs, 2, 5);
        Assert.Equal(epochs, trained.GetProperty("curve").GetArrayLength());
        Has(trained.GetProperty("curve")[0], "epoch", "learning_rate", "loss", "training_accuracy", "validation_loss", "validation_top1");
        Assert.Contains("Loss by epoch", File.ReadAllText(folder.File("curves.html")), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(folder.File("board")));

        Has(Json(["qat", folder.File("net.onnx"), "--data", Train, "--batch", "16", "-o", folder.File("int8.onnx"), "--epochs", "1", "--samples", "16", "--scales", "learned"]), "curve");
        Assert.Equal("learned", Json("info", folder.File("int8.onnx")).GetProperty("provenance").EnumerateArray().Last().GetProperty("settings").GetProperty("scales").GetString());
        Assert.Contains("--validation", PithCommand.Run("train", "cifar-resnet8", "--data", Train, "--patience", "1").Refuses(1).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train")]
    [InlineData("qat")]
    public void Finding_a_learning_rate_draws_the_loss_and_writes_no_model(string verb)
    {
        using var folder = new TemporaryFolder();
        string[] command = [verb, "cifar-resnet8", "--data", Train, "--batch", "8", "--find-lr", "-o", folder.File("net.onnx"), "--html", folder.File("rates.html")];
        var text = PithCommand.Run(command).Ends(0).Output;
        Assert.Contains("│", text, StringComparison.Ordinal);
        Assert.Matches("Suggested: --lr|no suggestion", text);
        Assert.Contains("Loss against the learning rate", File.ReadAllText(folder.File("rates.html")), StringComparison.Ordinal);
        Assert.Equal(["rates.html"], Directory.GetFiles(Path.GetDirectoryName(folder.File("x"))!).Select(Path.GetFileName));
    }

    [Fact]
    public void The_chain_runs_from_a_built_in_network_to_an_engine_that_equals_its_reference()
    {
        using var folder = new TemporaryFolder();
        string File(string name) => folder.File(name);
        Has(Json("models", "cifar-resnet8", "--seed", "3", "-o", File("net.onnx")), "model", "output", "parameters", "macs", "file_bytes");

        var pruned = Json("prune", File("net.onnx"), "-o", File("sparse.onnx"));
        Has(pruned, "model", "output", "pruned_layers", "layers");
        Assert.True(pruned.GetProperty("pruned_layers").GetInt32() > 0);

        var tuned = Json("finetune", File("sparse.onnx"), "-o", File("tuned.onnx"), "--data", Train, "--epochs", "1", "--batch", "16", "--teacher", File("net.onnx"));
        Has(tuned, "epochs", "steps", "loss", "training_accuracy", "images_per_second", "seconds");
        Assert.True(tuned.GetProperty("images_per_second").GetDouble() > 0);

        var quantized = Json("quantize", File("tuned.onnx"), "-o", File("int8.onnx"), "--data", Train, "--samples", "32", "--write-cache", File("int8.cache"));
        Has(quantized, "model", "output", "quantized_layers", "layers", "findings");
        Assert.True(quantized.GetProperty("quantized_layers").GetInt32() > 0);
        Has(Json("quantize", File("tuned.onnx"), "-o", File("again.onnx"), "--cache", File("int8.cache")), "quantized_layers");

        Has(Json("qat", File("tuned.onnx"), "-o", File("qat.onnx"), "--data", Train, "--samples", "32", "--epochs", "1", "--batch", "16", "--validation", "procedural:seed=3,count=16"), "images_per_second", "validation_top1", "kept_epoch");

        var info = Json("info", File("int8.onnx"));
        Assert.True(info.GetProperty("sparse_layers").GetInt32() > 0, "the masks must survive the chain");
        Assert.True(info.GetProperty("quantized_layers").GetInt32() > 0);

        var made = info.GetProperty("provenance").EnumerateArray().ToArray();
        Assert.Equal(["models", "prune", "finetune", "quantize"], made.Select(entry => entry.GetProperty("step").GetString()));
        Assert.Equal(Train, made[^1].GetProperty("data").GetProperty("spec").GetString());
        Assert.Contains("made by 4. quantize", PithCommand.Run("info", File("int8.onnx")).Ends(0).Output, StringComparison.Ordinal);
        Json("quantize", File("tuned.onnx"), "-o", File("again.onnx"), "--data", Train, "--samples", "32");
        Assert.Equal(System.IO.File.ReadAllBytes(File("int8.onnx")), System.IO.File.ReadAllBytes(File("again.onnx")));

        var eval = Json("eval", File("int8.onnx"), "--data", Test, "--batch", "16", "--predictions", File("classes.txt"));
        Has(eval, "correct", "count", "top1", "top5", "images_per_second");
        Assert.Equal(64, eval.GetProperty("count").GetInt32());
        Assert.Equal(eval.GetProperty("correct").GetInt32() / 64.0, eval.GetProperty("top1").GetDouble(), 1e-12);
        Assert.Equal(64, System.IO.File.ReadAllLines(File("classes.txt")).Length);

        var bench = Json("bench", File("int8.onnx"), "--against", File("net.onnx"), "--batch", "2", "--duration", "0.05", "--warm-up", "0", "--iterations", "3", "--profile");
        Has(bench, "median_ms", "min_ms", "p90_ms", "p99_ms", "images_per_second", "ratio", "layers");
        Assert.True(bench.GetProperty("min_ms").GetDouble() <= bench.GetProperty("median_ms").GetDouble());

        Has(Json("build", File("int8.onnx"), "-o", File("int8.plan"), "--batch", "4", "--no-timing"), "output", "file_bytes", "max_batch", "weight_bytes", "layers");
        var planned = Json("eval", File("int8.plan"), "--data", Test);
        Assert.Equal(eval.GetProperty("correct").GetInt32(), planned.GetProperty("correct").GetInt32());
        Has(Json("bench", File("int8.plan"), "--batch", "4", "--duration", "0.01", "--iterations", "2"), "median_ms");
        Assert.Equal(["models", "prune", "finetune", "quantize", "build"], Json("info", File("int8.plan")).GetProperty("provenance").EnumerateArray().Select(entry => entry.GetProperty("step").GetString()));
        Json("compare", File("int8.onnx") + "@reference", File("int8.plan"), "--identical");
        PithCommand.Run("build", File("int8.plan"), "-o", File("again.plan")).Refuses(1);
        PithCommand.Run("prune", File("int8.plan"), "-o", File("again.onnx")).Refuses(1);

        var accuracies = Json("compare", "--accuracy", File("net.onnx"), File("int8.plan"), "--data", Test);
        Has(accuracies, "difference", "difference_low", "difference_high", "p_value", "agreement", "both_right", "only_first", "only_second", "both_wrong", "snr_decibels", "cosine", "verdict", "classes");
        Assert.Equal(eval.GetProperty("correct").GetInt32(), accuracies.GetProperty("second").GetProperty("correct").GetInt32());
        Assert.Equal(64, new[] { "both_right", "only_first", "only_second", "both_wrong" }.Sum(name => accuracies.GetProperty(name).GetInt32()));
        Assert.Equal("same", Json("compare", "--accuracy", File("int8.onnx") + "@reference", File("int8.plan"), "--data", Test).GetProperty("verdict").GetString());
        Assert.Contains("The same: both are right on the same", PithCommand.Run("compare", "--accuracy", File("int8.onnx"), File("int8.plan"), "--data", Test).Ends(0).Output, StringComparison.Ordinal);

        var debug = Json("debug", File("int8.onnx"), "--float", File("tuned.onnx"), "--data", Train, "--samples", "4", "-o", File("debug.html")).GetProperty("diagnosis");
        Has(debug, "error", "error_of_weights", "error_of_activations", "tensors", "layers", "float_layers", "findings");
        var page = System.IO.File.ReadAllText(File("debug.html"));
        foreach (var title in (string[])["What quantization costs int8.onnx", "Error by depth", "What a layer costs by itself", "What the network gains with a layer in float", "Layers kept in float", "Distributions and ranges"]) Assert.Contains(title, page, StringComparison.Ordinal);
        foreach (var layer in debug.GetProperty("layers").EnumerateArray()) Assert.Contains(layer.GetProperty("name").GetString()!, page, StringComparison.Ordinal);
        Assert.Contains("agree to the last bit", PithCommand.Run("debug", File("int8.onnx"), "--data", Train, "--samples", "2").Ends(0).Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        PithCommand.Run("debug", File("net.onnx"), "--data", Train).Refuses(1);

        var compare = Json("compare", File("int8.onnx") + "@reference", File("int8.onnx") + "@engine", "--identical", "--data", Test, "--count", "2");
        Assert.All(compare.GetProperty("tensors").EnumerateArray(), tensor => Assert.Equal(0, tensor.GetProperty("different").GetInt64()));
        Assert.Equal(["again.onnx", "classes.txt", "debug.html", "int8.cache", "int8.cache.pith.json", "int8.onnx", "int8.plan", "net.onnx", "qat.onnx", "sparse.onnx", "tuned.onnx"], folder.Files);
    }

    [Fact]
    public void A_pattern_shared_by_output_channels_stays_through_the_chain()
    {
        using var folder = new TemporaryFolder();
        string File(string name) => folder.File(name);
        var pruned = Json("prune", "cifar-resnet8", "--pattern", "16:2:4", "-o", File("sparse.onnx"));
        Has(pruned, "model", "output", "pruned_layers", "kept_magnitude", "layers");
        Assert.All(pruned.GetProperty("layers").EnumerateArray().Where(layer => layer.GetProperty("pruned").GetBoolean()), layer => Assert.Equal("16:2:4", layer.GetProperty("pattern").GetString()));
        Assert.Equal(10, pruned.GetProperty("layers").EnumerateArray().Single(layer => layer.GetProperty("name").GetString() == "fc").GetProperty("smaller_group").GetInt32());
        var kept = Json("prune", "cifar-resnet8", "--pattern", "16:2:4", "--channel-order", "keep", "-o", File("kept.onnx"));
        Assert.True(pruned.GetProperty("kept_magnitude").GetDouble() > kept.GetProperty("kept_magnitude").GetDouble());

        Json("finetune", File("sparse.onnx"), "-o", File("tuned.onnx"), "--data", Train, "--epochs", "1", "--batch", "16", "--teacher", "cifar-resnet8");
        Json("quantize", File("tuned.onnx"), "-o", File("int8.onnx"), "--data", Train, "--samples", "16");
        var layers = Json("info", File("int8.onnx")).GetProperty("layers").EnumerateArray().ToArray();
        Assert.Equal(pruned.GetProperty("pruned_layers").GetInt32(), layers.Count(layer => layer.TryGetProperty("pattern", out var pattern) && pattern.GetString() == "16:2:4"));
        Json("compare", File("int8.onnx") + "@reference", File("int8.onnx") + "@engine", "--identical");
        Assert.Contains("16:2:4", PithCommand.Run("prune", "cifar-resnet8", "--pattern", "12:2:4", "-o", File("never.onnx")).Refuses(1).Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("nchw")]
    [InlineData("nhwc")]
    public void A_network_that_takes_bytes_goes_through_the_same_verbs(string layout)
    {
        using var folder = new TemporaryFolder();
        string File(string name) => folder.File(name);
        Json("models", "cifar-resnet8", "--seed", "3", "-o", File("net.onnx"));
        Json("quantize", File("net.onnx"), "-o", File("int8.onnx"), "--data", Train, "--samples", "16");
        // The metadata says how images were normalised for calibration.
        var bytes = Json("fold-preprocessing", File("int8.onnx"), "-o", File("bytes.onnx"), "--layout", layout);
        Has(bytes, "model", "output", "input");
        Assert.Equal(layout == "nchw" ? "u8[N,3,32,32]" : "u8[N,32,32,3]", bytes.GetProperty("input").GetProperty("type").GetString());

        var want = Json("eval", File("int8.onnx"), "--data", Test, "--predictions", File("want.txt"));
        Json("eval", File("bytes.onnx"), "--data", Test, "--predictions", File("got.txt"));
        Assert.Equal(System.IO.File.ReadAllLines(File("want.txt")), System.IO.File.ReadAllLines(File("got.txt")));
        Json("build", File("bytes.onnx"), "-o", File("bytes.plan"), "--batch", "4", "--no-timing");
        Assert.Equal(want.GetProperty("correct").GetInt32(), Json("eval", File("bytes.plan"), "--data", Test).GetProperty("correct").GetInt32());
        Json("compare", File("bytes.onnx") + "@reference", File("bytes.onnx") + "@engine", "--identical");
        Json("compare", File("bytes.onnx") + "@reference", File("bytes.onnx") + "@engine", "--identical", "--data", Test, "--count", "2");
        Has(Json("bench", File("bytes.onnx"), "--against", File("int8.onnx"), "--duration", "0.01", "--warm-up", "0", "--iterations", "2"), "ratio");

        Json("fold-preprocessing", File("net.onnx"), "-o", File("float-bytes.onnx"), "--preprocess", "cifar10", "--layout", layout);
        Json("quantize", File("float-bytes.onnx"), "-o", File("again.onnx"), "--data", Train, "--samples", "16");
        Json("finetune", File("float-bytes.onnx"), "-o", File("tuned.onnx"), "--data", Train, "--epochs", "1", "--batch", "16");
        PithCommand.Run("bytes", File("bytes.onnx"), "-o", File("never.onnx")).Refuses(1);
    }

    [Fact]
    public void A_difference_fails_the_comparison_that_asks_for_none()
    {
        using var folder = new TemporaryFolder();
        PithCommand.Run("models", "cifar-resnet8", "--seed", "3", "-o", folder.File("other.onnx")).Ends(0);
        var result = PithCommand.Run("compare", "cifar-resnet8", folder.File("other.onnx"), "--identical", "--count", "1", "--json").Ends(1);
        Assert.Contains("Not identical", result.Error, StringComparison.Ordinal);
        Assert.True(result.Json.GetProperty("tensors").GetArrayLength() > 0, "the result is written even so");
    }

    [Fact]
    public void The_ratio_is_only_there_when_two_engines_are_timed() =>
        Assert.False(Json("bench", "cifar-resnet8", "--duration", "0.01", "--warm-up", "0", "--iterations", "2").TryGetProperty("ratio", out _));

    [Fact]
    public void Quiet_leaves_nothing_on_standard_error()
    {
        var result = PithCommand.Run("eval", "cifar-resnet8", "--data", "procedural:count=16", "--quiet").Ends(0);
        Assert.Equal("", result.Error);
        Assert.Contains("top-1", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void The_list_of_networks_is_one_json_document() =>
        Assert.Contains("cifar-resnet8", Json("models").GetProperty("models").EnumerateArray().Select(model => model.GetProperty("name").GetString()));

    /// <summary>Standard output of a command with <c>--json</c>; parsing fails when anything else is there.</summary>
    private static JsonElement Json(params string[] arguments) => PithCommand.Run([.. arguments, "--json"]).Ends(0).Json;

    private static void Has(JsonElement json, params string[] names) => Assert.All(names, name => Assert.True(json.TryGetProperty(name, out _), $"no '{name}' in {json}"));
}
