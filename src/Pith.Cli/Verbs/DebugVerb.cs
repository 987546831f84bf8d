using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Cli.Reporting.Html;
using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary><c>pith debug</c>: why a quantized network is less accurate than in float.</summary>
internal sealed class DebugVerb : Verb
{
    private readonly Argument<string> _model = new("model") { Description = "An ONNX file with QuantizeLinear/DequantizeLinear pairs, as pith quantize and pith qat write it." };
    private readonly Option<string?> _float = new("--float") { Description = "The network that it was quantized from. Without it the pairs are taken out of the quantized one, and the error of rounding weights is not seen.", HelpName = "model" };
    private readonly Option<string> _data = CommonOptions.Data("Images to run, for example the calibration images; labels are not used.");
    private readonly Option<Preprocessing?> _preprocess = CommonOptions.Preprocess();
    private readonly Option<int> _samples = new("--samples") { Description = "Number of images, drawn from the data. Every layer is measured twice on all of them, so time grows with it.", HelpName = "n", DefaultValueFactory = _ => new DiagnosisOptions().Samples };
    private readonly Option<string?> _output = CommonOptions.OutputFile(new("--output", "-o") { Description = "Also write an HTML page with charts: error by depth, cost of layers, distributions with their ranges.", HelpName = "file" });
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int> _threads = CommonOptions.Threads();

    public override string Name => "debug";

    public override string Summary => "Finds what quantization costs and where: error by layer, layers that cost the accuracy, ranges, outliers, and what to try next.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith debug net-int8.onnx --float net.onnx --data cifar10:folder?split=train",
        "pith debug mobilenetv2-int8.onnx --float mobilenetv2.onnx --data \"imagefolder:images?every=5\" -o debug.html",
        "pith debug net-int8.onnx --data cifar10:folder --samples 8 --json",
    ];

    protected override IEnumerable<Symbol> Symbols => [_model, _float, _data, _preprocess, _samples, _output, _size, _threads];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var (model, data) = (arguments.GetRequiredValue(_model), arguments.GetRequiredValue(_data));
        var samples = CommonOptions.Require(_samples.Name, arguments.GetValue(_samples), 1, 100_000);
        var size = arguments.GetValue(_size);
        var floatModel = arguments.GetValue(_float);
        Diagnosis diagnosis;
        try
        {
            diagnosis = terminal.Track(events =>
            {
                var graph = ModelFile.Load(model, size);
                var dataset = DatasetCatalog.Open(data, events);
                return NetworkDiagnosis.Run(graph, floatModel is null ? null : ModelFile.Load(floatModel, size), dataset, PreprocessingCatalog.Of(graph.Metadata, dataset, arguments.GetValue(_preprocess)),
                    new DiagnosisOptions { Samples = samples, Threads = arguments.GetValue(_threads), Events = events, Cancellation = cancellation });
            });
        }
        catch (OperationCanceledException)
        {
            terminal.Error("Stopped before a layer was measured; nothing is written. With fewer --samples it takes less time.");
            return Program.Failed;
        }
        var output = arguments.GetValue(_output);
        if (output is not null) AtomicFile.WriteText(output, DiagnosisPage.Render(diagnosis, Path.GetFileName(model), floatModel is null ? null : Path.GetFileName(floatModel), data));
        terminal.Result(new { Model = model, Float = floatModel, Data = data, Output = output, Diagnosis = diagnosis }, console =>
        {
            DiagnosisTable.Draw(console, diagnosis, model);
            if (output is not null) console.Line($"Charts: {Path.GetFullPath(output)}");
        });
        if (diagnosis.IsComplete) return Program.Done;
        terminal.Error("Stopped before every layer was measured; what is shown is what was measured until then.");
        return Program.Failed;
    }
}
