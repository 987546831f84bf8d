using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Compression.Weights;

namespace Pith.Cli.Verbs;

/// <summary><c>pith export</c>: writes the parameters of a network to a file of weights.</summary>
internal sealed class ExportVerb : Verb
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = CommonOptions.Output($"the weights; the ending names the format: {WeightFormat.AllEndings}");

    public override string Name => "export";

    public override string Summary => "Writes a network's weights as safetensors, a PyTorch state dict or a NumPy archive, under torchvision's names.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith export net.onnx -o net.safetensors",
        "pith export tuned.onnx -o tuned.pth",
        "pith export resnet18 -o random.npz",
    ];

    protected override IEnumerable<Symbol> Symbols => [_model, _output];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var (model, output) = (arguments.GetRequiredValue(_model), arguments.GetValue(_output));
        if (output is null) throw new UsageException($"{_output.Name} must name the file to write, with one of the endings {WeightFormat.AllEndings}.");
        var format = WeightFormat.Find(output) ?? throw new UsageException($"{_output.Name} '{output}': expected one of the endings {WeightFormat.AllEndings}.");
        ModelFile.Output(output, model, format.Endings[0]);
        var parameters = StateDict.Of(ModelFile.Load(model));
        if (parameters.Count == 0) throw new PithException($"'{model}' has no parameters: no float constant of one axis or more, and nothing quantized.");
        cancellation.ThrowIfCancellationRequested();
        WeightFile.Write(output, parameters);
        var (elements, bytes) = (parameters.Sum(parameter => (long)parameter.Value.Length), new FileInfo(output).Length);
        terminal.Result(new { Model = model, Output = output, Format = format.Name, Tensors = parameters.Count, Parameters = elements, FileBytes = bytes },
            console => console.Line($"{output}: {parameters.Count} tensors, {elements / 1e6:0.00} M numbers, {bytes / 1e6:0.0} MB ({format.Name})"));
        return Program.Done;
    }
}
