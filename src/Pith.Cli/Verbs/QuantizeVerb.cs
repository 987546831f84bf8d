using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith quantize</c>: post-training quantization to Q/DQ ONNX.</summary>
internal sealed class QuantizeVerb : StepVerb
{
    private readonly Option<string?> _cache = new("--cache") { Description = "A TensorRT calibration cache to take the scales from; no images are needed then.", HelpName = "file" };
    private readonly Option<string?> _writeCache = CommonOptions.OutputFile(new("--write-cache") { Description = "Also write the scales as a TensorRT calibration cache.", HelpName = "file" });

    public override string Summary => "Quantizes a trained network to INT8 (PTQ) and writes Q/DQ ONNX.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith quantize net.onnx --data cifar10:folder?split=train -o net-int8.onnx",
        "pith quantize mobilenetv2.onnx --data \"imagefolder:images?every=5\" --samples 100 --calibrator percentile:99.99",
        "pith quantize net.onnx --data cifar10:folder?split=train --effort best",
        "pith quantize net.onnx --data cifar10:folder?split=train --target onnxruntime",
        "pith quantize net.onnx --data cifar10:folder?split=train --target onnxruntime --reduce-range -o net-avx2.onnx",
        "pith quantize net.onnx --data cifar10:folder?split=train --keep-float fc --activations uint8",
        "pith quantize net.onnx --cache calibration.cache -o net-int8.onnx",
    ];

    protected override string Kind => "quantize";

    protected override string Suffix => "-int8.onnx";

    protected override bool ReadsData => true;

    protected override IReadOnlyList<SettingOption> Settings { get; } =
    [
        SettingOption.Text("--effort", "effort", "What is done for accuracy: fast (calibrate only: seconds), balanced (equalise channels, choose ranges by the error at the outputs, reconstruct layers: one to three minutes for a MobileNetV2 on two cores), best (the same with more images and several passes). Default: balanced.", "effort"),
        .. QuantizationOptionsOfVerbs.All(),
    ];

    protected override IEnumerable<Symbol> Symbols => [.. base.Symbols, _cache, _writeCache];

    protected override StepContext Extend(StepContext context, ParseResult arguments, string model) =>
        arguments.GetValue(_cache) is { } cache ? context with { Cache = CalibrationCache.Read(cache) } : context;

    protected override void AfterSave(StepOutcome outcome, string output, ParseResult arguments)
    {
        if (arguments.GetValue(_writeCache) is not { } path) return;
        (outcome.Cache ?? throw new PithException("A calibration cache holds scales of symmetric int8; uint8 activations cannot be written as one. Use --target tensorrt without --activations.")).Write(path);
    }

    protected override object Json(StepOutcome outcome, string model, string output) => new
    {
        Model = model,
        Output = output,
        QuantizedLayers = outcome.Quantization.Count(layer => layer.SkipReason is null),
        Layers = outcome.Quantization.Select(layer => new { layer.Name, layer.OpType, Quantized = layer.SkipReason is null, layer.SkipReason, Operands = layer.Operands.Select(operand => new { operand.Tensor, Type = operand.Parameters.DataType.ShortName(), Scales = operand.Parameters.Scales.ToArray() }) }),
        Accuracy = outcome.Accuracy.Select(stage => new { stage.Name, stage.Error, stage.SnrDecibels, stage.IsKept, stage.Detail }),
        Reconstruction = outcome.Reconstruction.Select(layer => new { layer.Name, layer.OpType, layer.Outcome, layer.ErrorBefore, layer.ErrorAfter }),
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
        console.Line($"{output}: {outcome.Quantization.Count(layer => layer.SkipReason is null)} of {outcome.Quantization.Count} layers are int8. Next: pith eval {output} --data …, pith build {output}");
    }
}
