using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Pith.Cli.Reporting.Html;
using Pith.Compression.Data;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith quantize</c>: post-training quantization to Q/DQ ONNX.</summary>
internal sealed class QuantizeVerb : StepVerb
{
    private readonly Option<string?> _cache = new("--cache") { Description = "A TensorRT calibration cache to take the scales from; no images are needed then.", HelpName = "file" };
    private readonly Option<string?> _writeCache = CommonOptions.OutputFile(new("--write-cache") { Description = "Also write the scales as a TensorRT calibration cache.", HelpName = "file" });

    private readonly Option<string?> _validation = new("--validation") { Description = "With --max-drop: the images that decide, labelled for metric top1. Default: those of --data that do not calibrate.", HelpName = "spec" };

    public override string Summary => "Quantizes a trained network to INT8 (PTQ) and writes Q/DQ ONNX.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith quantize net.onnx --data cifar10:folder?split=train -o net-int8.onnx",
        "pith quantize mobilenetv2.onnx --data \"imagefolder:images?every=5\" --samples 100 --calibrator percentile:99.99",
        "pith quantize net.onnx --data cifar10:folder?split=train --effort best",
        "pith quantize net.onnx --data cifar10:folder?split=train --max-drop 0.5",
        "pith quantize net.onnx --data imagefolder:train --validation imagefolder:val --max-drop 1 --metric agreement",
        "pith quantize net.onnx --data cifar10:folder?split=train --target onnxruntime",
        "pith quantize net.onnx --data cifar10:folder?split=train --target onnxruntime --reduce-range -o net-avx2.onnx",
        "pith quantize net.onnx --data cifar10:folder?split=train --keep-float fc --activations uint8",
        "pith quantize net.onnx --cache calibration.cache -o net-int8.onnx",
    ];

    protected override string Kind => "quantize";

    protected override string Suffix => "-int8.onnx";

    public override bool SpreadsOverRanks => true;

    protected override bool ReadsData => true;

    protected override IReadOnlyList<SettingOption> Settings { get; } =
    [
        SettingOption.Text("--effort", "effort", "What is done for accuracy: fast (calibrate only: seconds), balanced (equalise channels, choose ranges by the error at the outputs, reconstruct layers: one to three minutes for a MobileNetV2 on two cores), best (the same with more images and several passes). Default: balanced.", "effort"),
        SettingOption.Number("--max-drop", "max_drop", "Points of top-1 that quantization may cost (see --metric), e.g. 0.5: layers are moved to float, those first that cost most, until that holds on images that do not calibrate; then as many as possible are returned to INT8. Every trial is saved beside the output and the same command goes on where it was stopped; with another --max-drop it uses the same trials. Exit code 1 when no network reaches it; the best one found is written."),
        SettingOption.Text("--metric", "metric", "With --max-drop, in percent: top1 (points of accuracy; needs labels), agreement (images that get another class than in float), snr (the energy of the outputs' error relative to the outputs: 1 is 20 dB, 0.1 is 30 dB). Default: top1."),
        SettingOption.Number("--least-int8", "least_int8", "With --max-drop: share of the multiply-accumulates that stays in INT8 in any case, 0 to 1 (default 0.5)."),
        .. QuantizationOptionsOfVerbs.All(),
    ];

    protected override IEnumerable<Symbol> Symbols => [.. base.Symbols, _validation, _cache, _writeCache];

    protected override string? Validation(ParseResult arguments) => arguments.GetValue(_validation);

    protected override StepContext Extend(StepContext context, ParseResult arguments, string model)
    {
        if (Validation(arguments) is { } validation) context = context with { ValidationData = DatasetCatalog.Open(validation, context.Events) };
        return arguments.GetValue(_cache) is { } cache ? context with { Cache = CalibrationCache.Read(cache) } : context;
    }

    protected override string ValidationNeeds => ", or say by --max-drop what they are to decide";

    protected override void AfterSave(StepOutcome outcome, string output, ParseResult arguments)
    {
        if (outcome.Search is { } search) AtomicFile.WriteText(PageOf(output), SearchPage.Render(search, Path.GetFileName(output)));
        if (arguments.GetValue(_writeCache) is not { } path) return;
        (outcome.Cache ?? throw new PithException("A calibration cache holds scales of symmetric int8; uint8 activations cannot be written as one. Use --target tensorrt without --activations.")).Write(path);
    }

    protected override object Json(StepOutcome outcome, string model, string output) => new
    {
        Model = model,
        Output = output,
        QuantizedLayers = outcome.Quantization.Count(layer => layer.SkipReason is null),
        Layers = outcome.Quantization.Select(layer => new { layer.Name, layer.OpType, Quantized = layer.SkipReason is null, layer.SkipReason, Operands = layer.Operands.Select(operand => new { operand.Tensor, Type = operand.Parameters.DataType.ShortName(), Scales = operand.Parameters.Scales.ToArray() }) }),
        Accuracy = outcome.Accuracy.Select(stage => new { stage.Name, stage.Error, stage.SnrDecibels, stage.IsKept, stage.IsFitted, stage.Detail }),
        Reconstruction = outcome.Reconstruction.Select(layer => new { layer.Name, layer.OpType, layer.Outcome, layer.ErrorBefore, layer.ErrorAfter }),
        Search = outcome.Search is { } search ? SearchJson(search, output) : null,
        Findings = outcome.Findings.Select(finding => new { finding.Severity, finding.Rule, finding.Tensor, finding.Message }),
    };

    protected override void Draw(IAnsiConsole console, StepOutcome outcome, string output)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "type", "precision", "operands (scale)");
        foreach (var layer in outcome.Quantization)
        {
            var operands = string.Join(", ", layer.Operands.Select(operand => operand.Parameters.Scales.Count == 1
                ? string.Create(CultureInfo.InvariantCulture, $"{operand.Tensor} ({operand.Parameters.Scales[0]:0.####})")
                : $"{operand.Tensor} ({operand.Parameters.Scales.Count} scales)"));
            string[] cells = [layer.Name, layer.OpType, layer.SkipReason is null ? "int8" : $"float: {layer.SkipReason}", operands];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        if (outcome.Accuracy.Count > 0) console.Write(AccuracyTable.Of(outcome.Accuracy));
        if (outcome.Search is { } search)
        {
            SearchTable.Draw(console, search);
            console.Line($"Chart: {Path.GetFullPath(PageOf(output))}, trials: {SearchFiles.TrialsOf(output)}");
        }
        console.Line($"{output}: {outcome.Quantization.Count(layer => layer.SkipReason is null)} of {outcome.Quantization.Count} layers are int8. Next: pith eval {output} --data …, pith build {output}");
    }

    private static string PageOf(string output) => output + ".search.html";

    private static object SearchJson(SearchResult search, string output) => new
    {
        search.IsReached,
        search.Verdict,
        search.Settings.MaxDrop,
        search.Settings.Metric,
        search.Settings.LeastInt8,
        search.Images,
        Chosen = TrialJson(search.Chosen),
        KeepFloat = search.Quantization.KeepFloat.Select(pattern => pattern.Text),
        Activations = search.Quantization.Activations,
        search.Layers,
        search.KeptTrials,
        Trials = search.Trials.Select(TrialJson),
        Sensitivities = search.Sensitivities.Select(layer => new { Layer = layer.Layer.Name, layer.Layer.OpType, layer.Layer.Share, layer.ErrorWithout, layer.Gain }),
        Front = search.Front.Select(point => new { point.Name, point.Loss, Int8Share = point.Trial?.Int8Share ?? 0, point.MedianMs, point.Speedup, point.LowerQuartile, point.UpperQuartile }),
        TrialsFile = SearchFiles.TrialsOf(output),
        Page = PageOf(output),
    };

    private static object TrialJson(SearchTrial trial) => new
    {
        trial.FloatLayers,
        trial.Activations,
        trial.Int8Share,
        trial.Loss,
        trial.Holds,
        trial.Score.Images,
        trial.Score.Error,
        trial.Score.Agreements,
        Correct = trial.Score.Comparison is { } paired ? paired.BothRight + paired.OnlySecond : (int?)null,
        CorrectFloat = trial.Score.Comparison is { } both ? both.BothRight + both.OnlyFirst : (int?)null,
        Difference = trial.Score.Comparison?.Difference,
        DifferenceLow = trial.Score.Comparison?.Interval.Low,
        DifferenceHigh = trial.Score.Comparison?.Interval.High,
    };
}
