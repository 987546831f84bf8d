using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Compression.Data;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith bytes</c>: a network that takes floats becomes one that takes 8-bit images.</summary>
internal sealed class BytesVerb : Verb
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = CommonOptions.Output("the new model");
    private readonly Option<string?> _preprocess = new("--preprocess")
    {
        Description = $"The normalisation that the network gets: {string.Join(", ", PreprocessingCatalog.All.Select(known => known.Name))}. Default: what the model's metadata says.",
        HelpName = "name",
    };
    private readonly Option<string> _layout = new("--layout") { Description = "The order of the bytes: nchw (plane after plane) or nhwc (pixel after pixel, as decoders and cameras give them).", HelpName = "order", DefaultValueFactory = _ => "nchw" };
    private readonly Option<ImageSize?> _size = CommonOptions.Size();

    public override string Name => "bytes";

    public override string Summary => "Makes a network take 8-bit images: its normalisation becomes part of it, at no cost in the engine.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith bytes net-int8.onnx -o net-bytes.onnx",
        "pith bytes resnet50-int8.onnx --preprocess imagenet --layout nhwc",
    ];

    public override void Declare(Command command)
    {
        _layout.AcceptOnlyFromAmong("nchw", "nhwc");
        foreach (var option in (Option[])[_output, _preprocess, _layout, _size]) command.Add(option);
        command.Add(_model);
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var output = ModelFile.Output(arguments.GetValue(_output), model, "-bytes.onnx");
        var graph = ModelFile.Load(model, arguments.GetValue(_size));
        var preprocessing = arguments.GetValue(_preprocess) is { } name ? PreprocessingCatalog.Find(name)
            : graph.Metadata.TryGetValue(Preprocessing.MetadataKey, out var json) ? Preprocessing.FromJson(json)
            : throw new UsageException($"'{model}' does not say how its images are normalised; say it by {_preprocess.Name}.");
        var result = preprocessing.FoldInto(graph, arguments.GetRequiredValue(_layout) == "nhwc" ? ImageLayout.Nhwc : ImageLayout.Nchw);
        cancellation.ThrowIfCancellationRequested();
        OnnxModel.Save(result, output);
        var input = result.Inputs[0];
        terminal.Result(new { Model = model, Output = output, Input = new { input.Name, Type = input.Type.ToString() } },
            console => console.Line($"{output}: its input '{input.Name}' is {input.Type.ToString()}. Next: pith build {output}"));
        return Program.Done;
    }
}
