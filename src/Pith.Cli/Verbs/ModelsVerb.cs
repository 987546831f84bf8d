using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Models;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith models</c>: lists the networks that Pith can build, or writes one as ONNX.</summary>
internal sealed class ModelsVerb : Verb
{
    private readonly Argument<string?> _name = new("name") { Description = "The network to write; without it all are listed.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _output = CommonOptions.Output("the ONNX file");
    private readonly Option<int> _seed = new("--seed") { Description = "Random seed of the initial weights.", HelpName = "n" };
    private readonly Option<int?> _classes = new("--classes") { Description = "Number of classes.", HelpName = "n" };
    private readonly Option<int?> _resolution = new("--resolution") { Description = "Height and width of the images in pixels; tokens of a sequence for networks of text.", HelpName = "n" };
    private readonly Option<int?> _width = new("--width") { Description = "Channels of the first stage, or of a token (CIFAR networks and networks of text).", HelpName = "n" };

    private readonly Option<string?> _weights = new("--weights", "-w") { Description = "File with the network's trained weights under torchvision's names: a PyTorch state dict or checkpoint (.pth, .pt; read as data, never executed), .safetensors or .npz. Without it the weights are random. A file for another number of classes needs --classes.", HelpName = "file" };

    public override string Name => "models";

    public override string Summary => "Lists the built-in networks, or writes one as ONNX, with random weights or with weights from a PyTorch, safetensors or NumPy file.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith models",
        "pith models resnet50 -o resnet50.onnx",
        "pith models cifar-resnet20 --seed 7 --classes 100 -o net.onnx",
        "pith models resnet34 --weights resnet34.pth",
        "pith models mobilenetv2 --weights flowers.safetensors --classes 102 -o flowers.onnx",
    ];

    protected override IEnumerable<Symbol> Symbols => [_name, _output, _weights, _seed, _classes, _resolution, _width];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var weights = arguments.GetValue(_weights);
        if (arguments.GetValue(_name) is not { } name) return weights is null ? List(terminal) : throw new UsageException($"{_weights.Name} needs the name of a network: pith models NAME {_weights.Name} {weights}.");
        if (weights is not null && arguments.GetResult(_seed) is { Implicit: false }) throw new UsageException($"{_seed.Name} is for random weights; {_weights.Name} replaces all of them.");
        var options = new ModelOptions { Seed = arguments.GetValue(_seed), Classes = arguments.GetValue(_classes), Resolution = arguments.GetValue(_resolution), Width = arguments.GetValue(_width) };
        var graph = terminal.Track(events => BuiltInModel.Build(name, options, weights, events));
        var output = arguments.GetValue(_output) ?? name + ".onnx";
        OnnxModel.Save(graph, output);
        var summary = GraphSummary.Of(graph);
        terminal.Result(new { Model = name, Weights = weights, Output = output, summary.Parameters, Macs = summary.MultiplyAccumulates, FileBytes = new FileInfo(output).Length },
            console => console.Line($"{output}: {name}{(weights is null ? "" : $" with the weights of {weights}")}, {summary.Parameters / 1e6:0.00} M parameters, {summary.MultiplyAccumulates / 1e6:0.0} MMACs for one image"));
        return Program.Done;
    }

    private static int List(Terminal terminal)
    {
        terminal.Result(new { Models = ModelCatalog.All.Select(model => new { model.Name, model.Description, Input = model.InputSizes, model.Classes }) }, console =>
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns("name", "network", "input", "classes");
            foreach (var model in ModelCatalog.All) table.AddRow(model.Name, SafeText.Cell(model.Description), model.TakesTokens ? $"{model.Resolution} tokens" : string.Join('x', model.InputSizes), $"{model.Classes}");
            console.Write(table);
            console.WriteLine("Write one: pith models NAME -o FILE.onnx, with --weights FILE for trained weights.");
        });
        return Program.Done;
    }
}
