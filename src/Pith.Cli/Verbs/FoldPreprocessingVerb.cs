using System.CommandLine;
using System.Text.Json.Nodes;
using Pith.Cli.Reporting;
using Pith.Compression.Data;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith fold-preprocessing</c>: a network that takes floats becomes one that takes 8-bit images.</summary>
internal sealed class FoldPreprocessingVerb : Verb
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = CommonOptions.Output("the new model");
    private readonly Option<Preprocessing?> _preprocess = CommonOptions.Preprocess("The normalisation that becomes part of the network", "what the model's metadata says");
    private readonly Option<string?> _layout = new("--layout") { Description = "Layout of the 8-bit images: nchw (plane after plane) or nhwc (pixel after pixel, as decoders and cameras give them). Default: nchw.", HelpName = "layout" };
    private readonly Option<InputSize?> _size = CommonOptions.Size();

    public override string Name => "fold-preprocessing";

    public override string? Alias => "bytes";

    public override string Summary => "Folds the normalisation of images into the network, which then takes 8-bit images; it costs nothing in the engine.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith fold-preprocessing net-int8.onnx -o net-bytes.onnx",
        "pith fold-preprocessing resnet50-int8.onnx --preprocess imagenet --layout nhwc",
    ];

    protected override IEnumerable<Symbol> Symbols => [_model, _output, _preprocess, _layout, _size];

    public override void Declare(Command command)
    {
        _layout.AcceptOnlyFromAmong("nchw", "nhwc");
        base.Declare(command);
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var output = ModelFile.Output(arguments.GetValue(_output), model, "-bytes.onnx");
        var graph = ModelFile.Load(model, arguments.GetValue(_size));
        var preprocessing = arguments.GetValue(_preprocess) is { } chosen ? chosen
            : graph.Metadata.TryGetValue(Preprocessing.MetadataKey, out var json) ? Preprocessing.FromJson(json)
            : throw new UsageException($"'{model}' does not say how its images are normalised; say it by {_preprocess.Name}.");
        var result = preprocessing.FoldInto(graph, arguments.GetValue(_layout) == "nhwc" ? ImageLayout.Nhwc : ImageLayout.Nchw);
        cancellation.ThrowIfCancellationRequested();
        new Provenance
        {
            Step = Name,
            Pith = PithVersion.Text,
            Model = ModelHash.Of(graph),
            Settings = new() { ["preprocess"] = JsonNode.Parse(preprocessing.ToJson()), ["layout"] = arguments.GetValue(_layout) ?? "nchw" },
        }.AddTo(graph, result, null);
        OnnxModel.Save(result, output);
        var input = result.Inputs[0];
        terminal.Result(new { Model = model, Output = output, Input = new { input.Name, Type = input.Type.ToString() } },
            console => console.Line($"{output}: its input '{input.Name}' is {input.Type.ToString()}. Next: pith build {output}"));
        return Program.Done;
    }
}
