using System.Globalization;
using Pith.Cli.Reporting;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith prune</c>: 2:4 or V:2:4 sparsity by magnitude.</summary>
internal sealed class PruneVerb : StepVerb
{
    public override string Summary => "Makes a network 2:4 sparse: of every four weights along the reduction axis the two largest stay. With V:2:4, V output channels keep the same two.";

    public override IReadOnlyList<string> Examples => ["pith prune net.onnx -o sparse.onnx", "pith prune net.onnx --pattern 16:2:4 -o sparse.onnx", "pith prune net.onnx --rule asp --exclude \"layer1.*\" --exclude fc"];

    protected override string Kind => "prune";

    protected override string Suffix => "-sparse.onnx";

    protected override bool ReadsData => false;

    protected override IReadOnlyList<SettingOption> Settings { get; } =
    [
        SettingOption.Text("--pattern", "pattern", $"{string.Join(", ", SparsityPattern.All)}: with V:2:4, V consecutive output channels keep weights of the same input channels, which CPU kernels can skip; 2:4 chooses for each channel alone and loses less accuracy."),
        SettingOption.Text("--channel-order", "channel_order", "auto, keep or search: whether channels change places so that the pattern keeps more. The network computes the same, which is checked; auto searches for V:2:4 only.", "how"),
        SettingOption.Count("--channel-seed", "channel_seed", "Random seed of that search."),
        SettingOption.Text("--rule", "rule", "Which layers are eligible: pattern (input channels a multiple of 4) or asp (outputs a multiple of 8, inputs of 16; what GPUs need)."),
        SettingOption.Texts("--include", "include", "Layers to prune: a name, a glob, or a regular expression between slashes."),
        SettingOption.Texts("--exclude", "exclude", "Layers to leave dense; wins over --include."),
        SettingOption.Texts("--include-type", "include_op_types", "Op types to prune.", "type"),
        SettingOption.Texts("--exclude-type", "exclude_op_types", "Op types to leave dense.", "type"),
    ];

    protected override object Json(StepOutcome outcome, string model, string output) => new
    {
        Model = model,
        Output = output,
        PrunedLayers = outcome.Sparsity.Count(layer => layer.SkipReason is null),
        outcome.KeptMagnitude,
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
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "type", "weight", "pattern rule", "ASP rule", "pattern").AddColumn(new TableColumn("kept magnitude").RightAligned());
        foreach (var layer in outcome.Sparsity)
        {
            string[] cells = [layer.Name, layer.OpType, layer.Shape.ToString(), layer.Eligibility.WhyNotPattern ?? "eligible", layer.Eligibility.WhyNotAsp ?? "eligible", layer.SkipReason ?? Applied(layer), layer.KeptMagnitude.ToString("0.000", CultureInfo.InvariantCulture)];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        foreach (var reason in outcome.Sparsity.Where(layer => layer.WhyInOrder is not null).GroupBy(layer => layer.WhyInOrder))
            console.Line($"output channels keep their order in {string.Join(", ", reason.Select(layer => layer.Name))}: {reason.Key}");
        var pruned = outcome.Sparsity.Where(layer => layer.SkipReason is null).ToArray();
        if (pruned.Length == 0) console.Line($"{output}: 0 of {outcome.Sparsity.Count} layers are sparse. Nothing was pruned; the network is as it was.");
        else console.Line($"{output}: {pruned.Length} of {outcome.Sparsity.Count} layers are {pruned[0].Pattern} sparse and keep {outcome.KeptMagnitude.ToString("0.000", CultureInfo.InvariantCulture)} of their magnitude. Next: pith finetune {output} --data …");
    }

    // The channels left over share a pattern among themselves.
    private static string Applied(LayerSparsity layer) => layer.SmallerGroup is { } rest ? $"{layer.Pattern}, the last group of {rest}" : layer.Pattern!.ToString();
}
