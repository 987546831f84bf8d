using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Pith.Compression.Data;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith eval</c>: top-1 and top-5 of a network or plan on labelled images.</summary>
internal sealed class EvalVerb : Verb
{
    private readonly Argument<string> _model = new("model") { Description = EngineFile.Help };
    private readonly Option<string> _data = CommonOptions.Data("Labelled images.");
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<Preprocessing?> _preprocess = CommonOptions.Preprocess();
    private readonly Option<int> _batch = CommonOptions.Batch(32);
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<bool> _bf16 = CommonOptions.Bf16();
    private readonly Option<string?> _predictions = CommonOptions.OutputFile(new("--predictions") { Description = "Also write the predicted class of each image, one per line, in the order of the data.", HelpName = "file" });

    public override string Name => "eval";

    public override string Summary => "Measures top-1 and top-5 accuracy; each image counts once.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith eval net.onnx --data cifar10:folder",
        "pith eval mobilenetv2-int8.onnx --data \"imagefolder:images?not-every=5\" --json",
        "pith eval net.plan --data cifar10:test_batch.bin.gz --predictions classes.txt",
        "mpirun -n 4 pith eval net.onnx --data imagefolder:val",
    ];

    public override bool SpreadsOverRanks => true;

    protected override IEnumerable<Symbol> Symbols => [_model, _data, _size, _preprocess, _batch, _threads, _bf16, _predictions];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var batch = CommonOptions.Require("--batch", arguments.GetValue(_batch), 1, 4096);
        var data = arguments.GetRequiredValue(_data);
        var group = JoinRanks(terminal);
        var result = terminal.Track(events =>
        {
            var dataset = DatasetCatalog.Open(data, events);
            // By estimate: the score of a float network must not depend on which of two equally fast kernels won a race.
            var options = new EngineOptions { MaxBatch = Math.Min(batch, dataset.Count), Threads = arguments.GetValue(_threads) is var asked and > 0 ? asked : group.Threads, Bf16 = arguments.GetValue(_bf16), TimeTactics = false };
            using var engine = EngineFile.Open(model, options, events, arguments.GetValue(_size));
            using var context = engine.CreateContext(options.Threads);
            var preprocessing = PreprocessingCatalog.Of(engine.Metadata, dataset, arguments.GetValue(_preprocess));
            return Evaluator.Run(context, dataset, preprocessing, new EvaluationOptions { Task = "evaluate", Events = events, Cancellation = cancellation, Group = group });
        });
        if (group.IsFirst && arguments.GetValue(_predictions) is { } file)
            AtomicFile.WriteText(file, string.Concat(result.Accuracy.Predictions.Select(prediction => prediction.ToString(CultureInfo.InvariantCulture) + "\n")));
        terminal.Result(new { Model = model, Data = data, result.Correct, result.Count, result.Top1, result.Top5, NonFiniteImages = result.NonFinite, Top1Low = result.Top1Interval.Low, Top1High = result.Top1Interval.High, result.ImagesPerSecond },
            console => console.Line($"{model} on {data}: top-1 {StageText.Percent(result.Top1)} ({result.Correct} of {result.Count}; 95% interval {StageText.Percent(result.Top1Interval.Low)} to {StageText.Percent(result.Top1Interval.High)}), top-5 {StageText.Percent(result.Top5)}, {result.ImagesPerSecond:0} images/s"));
        if (result.Accuracy.WhollyNonFinite < result.Count) return Program.Done;
        terminal.Error($"Every output of '{model}' is NaN or infinite for all {result.Count} images: this is not an accuracy. Look at the network's values with pith compare {model}@interpreter, or at its inputs (--preprocess).");
        return Program.Failed;
    }
}
