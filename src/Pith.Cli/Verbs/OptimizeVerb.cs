using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Cli.Reporting.Html;
using Pith.Compression.Data;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith optimize</c>: precision and sparsity of each layer together.</summary>
internal sealed class OptimizeVerb : StepVerb
{
    private readonly Option<string?> _validation = new("--validation") { Description = "The images that decide, labelled for metric top1. Default: those of --data that do not calibrate.", HelpName = "spec" };

    public override string Summary => "Chooses float or INT8, dense, 2:4 or V:2:4 for each layer together, by times and errors measured here, and writes the network: one-shot pruning and PTQ, no training.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith optimize net.onnx --data imagefolder:train --validation imagefolder:val --max-drop 1 -o net-optimized.onnx",
        "pith optimize net.onnx --data cifar10:folder?split=train --speedup 3 --effort fast",
    ];

    protected override string Kind => "optimize";

    protected override string Suffix => "-optimized.onnx";

    protected override bool ReadsData => true;

    protected override IReadOnlyList<SettingOption> Settings { get; } =
    [
        SettingOption.Number("--max-drop", "max_drop", "Points of top-1 that may be lost (see --metric): the fastest network that holds it is the result. Default: 1 without --speedup, any with it. Exit code 1 when the targets are not met; the nearest network is written."),
        SettingOption.Number("--speedup", "speedup", "How many times as fast as the float network the result has to be; without --max-drop the most accurate network that is."),
        SettingOption.Text("--metric", "metric", "What --max-drop limits, in percent: top1 (points of accuracy; needs labels), agreement (images that get another class than in float), snr (the energy of the outputs' error relative to the outputs). Default: top1."),
        SettingOption.Count("--batch", "batch", "Images of a run that is timed (default 1)."),
        SettingOption.Text("--effort", "effort", "What is done for the accuracy of each network that is built: fast, balanced or best, as in pith quantize. Up to nine networks are built. Default: balanced.", "effort"),
        .. QuantizationOptionsOfVerbs.All(),
    ];

    protected override IEnumerable<Symbol> Symbols => [.. base.Symbols, _validation];

    protected override string? Validation(ParseResult arguments) => arguments.GetValue(_validation);

    protected override StepContext Extend(StepContext context, ParseResult arguments, string model) =>
        Validation(arguments) is { } validation ? context with { ValidationData = DatasetCatalog.Open(validation, context.Events) } : context;

    protected override void AfterSave(StepOutcome outcome, string output, ParseResult arguments) =>
        AtomicFile.WriteText(PageOf(output), OptimizationPage.Render(outcome.Optimization!, Path.GetFileName(output)));

    protected override object Json(StepOutcome outcome, string model, string output)
    {
        var result = outcome.Optimization!;
        return new
        {
            Model = model,
            Output = output,
            result.IsReached,
            result.Verdict,
            MaxDrop = double.IsFinite(result.Settings.Allowed) ? result.Settings.Allowed : (double?)null,
            result.Settings.Metric,
            result.Settings.Speedup,
            result.Settings.Batch,
            result.Machine,
            result.Images,
            result.KeptTrials,
            Chosen = TrialJson(result.Chosen),
            Trials = result.Trials.Select(TrialJson),
            Front = result.Front.Select(trial => trial.Name),
            TrialsFile = SearchFiles.TrialsOf(output),
            Page = PageOf(output),
        };
    }

    protected override void Draw(IAnsiConsole console, StepOutcome outcome, string output)
    {
        var result = outcome.Optimization!;
        OptimizationTable.Draw(console, result);
        console.Line($"Chart: {Path.GetFullPath(PageOf(output))}, trials: {SearchFiles.TrialsOf(output)}");
        console.Line($"{output}: {result.Chosen.Summary}. Next: pith eval {output} --data …, pith bench {output} --against …");
    }

    private static string PageOf(string output) => output + ".search.html";

    private static object TrialJson(OptimizationTrial trial) => new
    {
        trial.Name,
        Layers = trial.Layers.Select(layer => new { layer.Layer, layer.Option }),
        trial.Loss,
        trial.Holds,
        trial.Score.Images,
        trial.Score.Error,
        trial.Score.Agreements,
        Difference = trial.Score.Comparison?.Difference,
        DifferenceLow = trial.Score.Comparison?.Interval.Low,
        DifferenceHigh = trial.Score.Comparison?.Interval.High,
        trial.PredictedSpeedup,
        trial.MedianMs,
        trial.Speedup,
        trial.LowerQuartile,
        trial.UpperQuartile,
    };
}
