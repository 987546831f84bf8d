using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Pith.Cli.Reporting.Html;
using Pith.Compression.Data;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary>A verb whose step trains: also takes validation images, and reports speed and accuracy of training.</summary>
internal abstract class TrainingVerb : StepVerb
{
    private readonly Option<string?> _validation = new("--validation") { Description = "Validation images that select the best epoch; without them the last epoch is kept.", HelpName = "spec" };

    private readonly Option<int> _checkpointSeconds = CheckpointSeconds();
    private readonly Option<bool> _findRate = new("--find-lr") { Description = $"Do not train: raise the learning rate over {RateSweep.DefaultSteps} steps, show the loss and suggest a rate. No model is written." };
    private readonly Option<string?> _html = CommonOptions.OutputFile(new("--html") { Description = "Page with the curves of loss and accuracy; with --find-lr, of the loss against the learning rate.", HelpName = "file" });
    private readonly Option<string?> _tensorBoard = CommonOptions.OutputFolder(new Option<string?>("--tensorboard") { Description = "Folder for TensorBoard event files: loss, accuracy, learning rate, images/s, and validation.", HelpName = "folder" });

    protected override IEnumerable<Symbol> Symbols => [.. base.Symbols, _checkpointSeconds, _html, _tensorBoard, _findRate];

    public override bool SpreadsOverRanks => true;

    protected override bool ReadsData => true;

    protected override IReadOnlyList<SettingOption> Settings => [.. OwnSettings, new SettingOption(_validation, "validation", _ => "keep_best")];

    /// <summary>The options that set fields, but for the validation set.</summary>
    protected virtual IReadOnlyList<SettingOption> OwnSettings { get; } = TrainingOptionsOfVerbs.All();

    protected override string? Validation(ParseResult arguments) => arguments.GetValue(_validation);

    protected override StepContext Extend(StepContext context, ParseResult arguments, string model) => context with
    {
        ValidationData = Validation(arguments) is { } spec ? DatasetCatalog.Open(spec, context.Events) : null,
        CheckpointSeconds = arguments.GetValue(_checkpointSeconds),
        TensorBoardFolder = arguments.GetValue(_tensorBoard),
    };

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation) =>
        arguments.GetValue(_findRate) ? FindRate(arguments, terminal, cancellation) : base.Run(arguments, terminal, cancellation);

    protected override void AfterSave(StepOutcome outcome, string output, ParseResult arguments)
    {
        if (arguments.GetValue(_html) is { } page) AtomicFile.WriteText(page, TrainingPage.Render(outcome.Training!, output));
    }

    private int FindRate(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(Model);
        var (step, group) = (ReadStep(arguments), JoinRanks(terminal));
        var sweep = terminal.Track(events =>
        {
            var (graph, context) = Open(arguments, step, group, events, cancellation);
            return TrainingRun.SweepRates(graph, (ITrainingStep)step, context);
        });
        if (group.IsFirst && arguments.GetValue(_html) is { } page) AtomicFile.WriteText(page, RateSweepPage.Render(sweep, model));
        terminal.Result(new { Model = model, sweep.Suggested, sweep.End, sweep.Points }, console =>
        {
            foreach (var line in RateSweepChart.Lines(sweep)) console.Line($"{line}");
            console.Line($"{RateSweepChart.Verdict(sweep)}");
        });
        return Program.Done;
    }

    private static Option<int> CheckpointSeconds()
    {
        var option = new Option<int>("--checkpoint-every")
        {
            Description = "Seconds between two checkpoints; the same command goes on from the last one after an interruption, under mpirun also with another number of ranks.", HelpName = "seconds",
            DefaultValueFactory = _ => (int)TrainingOptions.DefaultCheckpointSeconds,
        };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, CultureInfo.InvariantCulture, out var seconds) && seconds < 0) result.AddError($"--checkpoint-every must be 0 or more seconds, got {seconds}.");
        });
        return option;
    }

    protected override object Json(StepOutcome outcome, string model, string output)
    {
        var summary = outcome.Training!;
        return new { Model = model, Output = output, summary.Epochs, summary.Precision, summary.Steps, summary.Loss, summary.TrainingAccuracy, summary.ValidationTop1, summary.KeptEpoch, summary.ImagesPerSecond, summary.Seconds, summary.Ranks, summary.CommunicationShare, summary.LoadingWaitShare, summary.LoadedImagesPerSecond, summary.Curve, summary.Untrained };
    }

    protected override void Draw(IAnsiConsole console, StepOutcome outcome, string output)
    {
        var summary = outcome.Training!;
        var validation = summary.ValidationTop1 is { } top1 ? $", validation top-1 {StageText.Percent(top1)} (epoch {summary.KeptEpoch})" : "";
        var ranks = summary.CommunicationShare is { } share ? $" on {summary.Ranks} ranks ({StageText.Percent(share)} of the time waiting for each other)" : "";
        var loading = $" (loader alone {summary.LoadedImagesPerSecond.ToString("0", CultureInfo.InvariantCulture)} images/s, {StageText.Percent(summary.LoadingWaitShare)} of the time waiting for it)";
        console.Line($"{output}: {summary.Epochs} {(summary.Epochs == 1 ? "epoch" : "epochs")} in {summary.Seconds.ToString("0", CultureInfo.InvariantCulture)} s in {MixedPrecision.NameOf(summary.Precision)}, {summary.ImagesPerSecond.ToString("0", CultureInfo.InvariantCulture)} images/s{ranks}{loading}, loss {summary.Loss.ToString("0.0000", CultureInfo.InvariantCulture)}, training top-1 {StageText.Percent(summary.TrainingAccuracy)}{validation}");
    }
}

/// <summary><c>pith train</c>: trains a dense network.</summary>
internal sealed class TrainVerb : TrainingVerb
{
    public override string Summary => "Trains a network on labelled images.";

    public override IReadOnlyList<string> Examples => ["pith train cifar-resnet20 --data procedural -o dense.onnx --epochs 8", "pith train cifar-resnet20 --data cifar10:folder?split=train --find-lr", "pith train net.onnx --data cifar10:folder?split=train --lr 0.1 --weight-decay 0.0001 -o dense.onnx", "mpirun -n 4 pith train cifar-resnet20 --data cifar10:folder?split=train -o dense.onnx"];

    protected override string Kind => "train";

    protected override string Suffix => "-trained.onnx";
}

/// <summary><c>pith finetune</c>: trains on with small steps, 2:4 masks kept.</summary>
internal sealed class FineTuneVerb : TrainingVerb
{
    public override string Summary => "Fine-tunes a trained network; a 2:4 sparse network stays 2:4 sparse.";

    public override IReadOnlyList<string> Examples => ["pith finetune sparse.onnx --data cifar10:folder?split=train -o tuned.onnx --epochs 8 --lr 0.01", "pith finetune sparse.onnx --data imagefolder:train --teacher dense.onnx -o tuned.onnx", "mpirun -n 4 pith finetune sparse.onnx --data imagefolder:train --batch 256 -o tuned.onnx"];

    protected override string Kind => "finetune";

    protected override string Suffix => "-tuned.onnx";
}
