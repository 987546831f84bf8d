using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Pith.Cli.Reporting;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith prune</c>: 2:4 or V:2:4 sparsity, by magnitude or by the error on calibration images.</summary>
internal sealed class PruneVerb : StepVerb
{
    public override string Summary => "Makes a network 2:4 sparse: of every four weights along the reduction axis the two largest stay. With V:2:4, V output channels keep the same two.";

    public override IReadOnlyList<string> Examples => ["pith prune net.onnx -o sparse.onnx", "pith prune net.onnx --pattern 16:2:4 -o sparse.onnx", "pith prune net.onnx --data cifar10:folder?split=train --channel-order search", "pith prune net.onnx --pattern auto --speedup 1.4 --batch 8", "pith prune net.onnx --pattern auto --keep 0.7", "pith prune net.onnx --rule asp --exclude \"layer1.*\" --exclude fc"];

    protected override string Kind => "prune";

    protected override string Suffix => "-sparse.onnx";

    protected override bool ReadsData => true;

    protected override IReadOnlyList<SettingOption> Settings { get; } =
    [
        SettingOption.Text("--pattern", "pattern", $"{string.Join(", ", SparsityPattern.All)}: with V:2:4, V consecutive output channels keep weights of the same input channels, which CPU kernels can skip; 2:4 chooses for each channel alone and loses less accuracy. auto: times every layer in INT8 on this machine with every pattern and chooses for each what the targets below need."),
        SettingOption.Text("--method", "method", "magnitude: the largest weights stay, no images are needed, and fine-tuning repairs the network; with --data the statistics of batch norm are measured again. hessian: layer by layer, the weights stay with which its results change least on calibration images, and take other values that make up for those that go (SparseGPT); for networks that are not trained afterwards. Needs --data. Default: hessian with --data, magnitude without.", "how"),
        SettingOption.Count("--samples", "samples", "The most calibration images to use (default 512); large networks take fewer."),
        SettingOption.Count("--calibration-seed", "calibration_seed", "Random seed that selects the calibration images."),
        SettingOption.Number("--speedup", "speedup", "With --pattern auto: how many times as fast as dense the INT8 network has to become; as much magnitude as possible is kept. Without --speedup and --keep it becomes nearly as fast as it can."),
        SettingOption.Number("--keep", "keep", "With --pattern auto: share of the weights' magnitude to keep, 0 to 1; the network becomes as fast as that allows, or as --speedup says."),
        SettingOption.Count("--batch", "batch", "With --pattern auto: images of a run that is timed (default 1)."),
        SettingOption.Text("--channel-order", "channel_order", "auto, keep or search: whether channels change places so that the pattern keeps more. The network computes the same, which is checked; auto searches for V:2:4 only.", "how"),
        SettingOption.Count("--channel-seed", "channel_seed", "Random seed of that search."),
        SettingOption.Text("--rule", "rule", "Which layers are eligible: pattern (input channels a multiple of 4) or asp (outputs a multiple of 8, inputs of 16; what GPUs need)."),
        SettingOption.Texts("--include", "include", "Layers to prune: a name, a glob, or a regular expression between slashes."),
        SettingOption.Texts("--exclude", "exclude", "Layers to leave dense; wins over --include."),
        SettingOption.Texts("--include-type", "include_op_types", "Op types to prune.", "type"),
        SettingOption.Texts("--exclude-type", "exclude_op_types", "Op types to leave dense.", "type"),
    ];

    protected override JsonObject Complete(JsonObject settings, bool hasData)
    {
        if (!hasData) return settings;
        settings.TryAdd("method", "hessian");
        if ($"{settings["method"]}" == "magnitude") settings.TryAdd("remeasure_norm", true);
        return settings;
    }

    protected override object Json(StepOutcome outcome, string model, string output) => new
    {
        Model = model,
        Output = output,
        PrunedLayers = outcome.Sparsity.Count(layer => layer.SkipReason is null),
        outcome.KeptMagnitude,
        outcome.Selection,
        Accuracy = outcome.Accuracy.Select(stage => new { stage.Name, stage.Error, stage.SnrDecibels, stage.IsKept, stage.IsFitted, stage.Detail }),
        Reconstruction = outcome.Reconstruction.Select(layer => new { layer.Name, layer.OpType, layer.Outcome, layer.ErrorBefore, layer.ErrorAfter }),
        Layers = outcome.Sparsity.Select(layer => new
        {
            layer.Name,
            layer.OpType,
            Shape = layer.Shape.Dims.ToArray(),
            Pruned = layer.SkipReason is null,
            layer.SkipReason,
            layer.Eligibility.WhyNotPattern,
            layer.Eligibility.WhyNotAsp,
            Pattern = layer.Pattern?.ToString(),
            layer.KeptMagnitude,
            layer.SmallerGroup,
            layer.WhyInOrder,
        }),
    };

    protected override void Draw(IAnsiConsole console, StepOutcome outcome, string output)
    {
        if (outcome.Selection is { } measured) console.Line($"INT8, batch {measured.Batch}, {measured.Threads} threads, {measured.Machine}");
        console.Write(outcome.Selection is { } selection ? Chosen(outcome, selection) : Pruned(outcome));
        if (outcome.Reconstruction.Count > 0) console.Write(Reconstructed(outcome));
        if (outcome.Accuracy.Count > 0) console.Write(AccuracyTable.Of(outcome.Accuracy));
        foreach (var reason in outcome.Sparsity.Where(layer => layer.WhyInOrder is not null).GroupBy(layer => layer.WhyInOrder))
            console.Line($"output channels keep their order in {string.Join(", ", reason.Select(layer => layer.Name))}: {reason.Key}");
        var pruned = outcome.Sparsity.Where(layer => layer.SkipReason is null).ToArray();
        if (pruned.Length == 0) console.Line($"{output}: 0 of {outcome.Sparsity.Count} layers are sparse. Nothing was pruned; the network is as it was.");
        else console.Line($"{output}: {pruned.Length} of {outcome.Sparsity.Count} layers are {(outcome.Selection is null ? pruned[0].Pattern : Counts(pruned))} sparse and keep {Text(outcome.KeptMagnitude, "0.000")} of their magnitude. Next: {(outcome.Accuracy.Count > 0 ? $"pith eval {output} --data …, pith quantize {output} --data …" : $"pith finetune {output} --data …")}");
        if (outcome.Selection is { } judged) console.Line($"{judged.Verdict}");
    }

    private static Table Pruned(StepOutcome outcome)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "type", "weight", "pattern rule", "ASP rule", "pattern").AddColumn(new TableColumn("kept magnitude").RightAligned());
        foreach (var layer in outcome.Sparsity)
        {
            string[] cells = [layer.Name, layer.OpType, layer.Shape.ToString(), layer.Eligibility.WhyNotPattern ?? "eligible", layer.Eligibility.WhyNotAsp ?? "eligible", layer.SkipReason ?? Applied(layer), Text(layer.KeptMagnitude, "0.000")];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        return table;
    }

    // The errors are those of a layer's results by themselves, on images that were held out.
    private static Table Reconstructed(StepOutcome outcome)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "weights");
        foreach (var title in (string[])["SNR before", "SNR after"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        foreach (var layer in outcome.Reconstruction)
        {
            string[] cells = [layer.Name, layer.Outcome, Decibels(layer.ErrorBefore), Decibels(layer.ErrorAfter)];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        return table;
    }

    private static string Decibels(double error) => double.IsNaN(error) ? "" : error == 0 ? "exact" : Text(-10 * Math.Log10(error), "0.0") + " dB";

    // What was measured of each layer; layers that share a weight have one time.
    private static Table Chosen(StepOutcome outcome, PatternSelection selection)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "weight", "pattern");
        foreach (var title in (string[])["dense, µs", "as pruned, µs", "gain, µs", "kept magnitude"]) table.AddColumn(new TableColumn(title).RightAligned().NoWrap());
        foreach (var layer in outcome.Sparsity)
        {
            string[] times = selection.Find(layer.Name) is { } weight ? [Text(weight.DenseMicroseconds, "0.0"), Text(weight.Microseconds, "0.0"), Text(weight.DenseMicroseconds - weight.Microseconds, "0.0")] : ["", "", ""];
            string[] cells = [layer.Name, layer.Shape.ToString(), layer.SkipReason ?? Applied(layer), .. times, Text(layer.KeptMagnitude, "0.000")];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        return table;
    }

    // "16:2:4 (3), 32:2:4 (2)".
    private static string Counts(LayerSparsity[] pruned) =>
        string.Join(", ", pruned.GroupBy(layer => layer.Pattern!).OrderBy(group => group.Key.Channels).Select(group => string.Create(CultureInfo.InvariantCulture, $"{group.Key} ({group.Count()})")));

    private static string Text(double number, string format) => number.ToString(format, CultureInfo.InvariantCulture);

    // The channels left over share a pattern among themselves.
    private static string Applied(LayerSparsity layer) => layer.SmallerGroup is { } rest ? $"{layer.Pattern}, the last group of {rest}" : layer.Pattern!.ToString();
}
