using System.Globalization;
using Pith.Cli.Reporting;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith prune</c>: 2:4 sparsity by magnitude.</summary>
internal sealed class PruneVerb : StepVerb
{
    public override string Summary => "Makes a network 2:4 sparse: of every four weights along the reduction axis the two largest stay.";

    public override IReadOnlyList<string> Examples => ["pith prune net.onnx -o sparse.onnx", "pith prune net.onnx --rule asp --exclude \"layer1.*\" --exclude fc"];

    protected override string Kind => "prune";

    protected override string Suffix => "-sparse.onnx";

    protected override bool ReadsData => false;

    protected override IReadOnlyList<SettingOption> Settings { get; } =
    [
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
        Layers = outcome.Sparsity.Select(layer => new { layer.Name, layer.OpType, Shape = layer.Shape.Dims.ToArray(), Pruned = layer.SkipReason is null, layer.SkipReason, layer.Eligibility.WhyNotPattern, layer.Eligibility.WhyNotAsp, layer.KeptMagnitude }),
    };

    protected override void Draw(IAnsiConsole console, StepOutcome outcome, string output)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "type", "weight", "pattern rule", "ASP rule", "2:4").AddColumn(new TableColumn("kept magnitude").RightAligned());
        foreach (var layer in outcome.Sparsity)
        {
            string[] cells = [layer.Name, layer.OpType, layer.Shape.ToString(), layer.Eligibility.WhyNotPattern ?? "eligible", layer.Eligibility.WhyNotAsp ?? "eligible", layer.SkipReason ?? "pruned", layer.KeptMagnitude.ToString("0.000", CultureInfo.InvariantCulture)];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        var pruned = outcome.Sparsity.Count(layer => layer.SkipReason is null);
        console.Line($"{output}: {pruned} of {outcome.Sparsity.Count} layers are 2:4 sparse. {(pruned > 0 ? $"Next: pith finetune {output} --data …" : "Nothing was pruned; the network is as it was.")}");
    }
}
