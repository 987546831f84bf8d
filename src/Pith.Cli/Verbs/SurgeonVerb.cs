using System.CommandLine;
using System.Text.Json.Nodes;
using Pith.Cli.Reporting;
using Pith.Passes;

namespace Pith.Cli.Verbs;

/// <summary><c>pith surgeon</c>: edits of a model file that need no data.</summary>
internal sealed class SurgeonVerb : Verb
{
    private const int OldestWritten = 13, Newest = 21, GeluSince = 20;

    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = CommonOptions.Output("the edited model");
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly SurgeonEdits _edits = new();
    private readonly Option<int?> _opset = new("--opset") { Description = $"Write this ONNX opset, {OldestWritten} to {Newest}. Default: the opset of the file, or the newest that an op needs. Below {GeluSince}, Gelu is written with older ops.", HelpName = "n" };

    public override string Name => "surgeon";

    public override string Summary => "Edits a model file: extract a part, set input shapes, rename, insert or strip Q/DQ, fold constants, half precision to float32, change the opset. Without an edit it rewrites the file with ONNX's own ops (QLinear ops as Q/DQ, functions inlined).";

    public override IReadOnlyList<string> Examples =>
    [
        "pith surgeon net.onnx --from relu1 --to layer3.0.add -o part.onnx",
        "pith surgeon net.onnx --input-shape input=N,3,256,256 --fold-constants --opset 17 -o net17.onnx",
        "pith surgeon net.onnx --rename input=images --rename 1234=logits -o named.onnx",
        "pith surgeon net-int8.onnx --strip-qdq -o net-float.onnx",
        "pith surgeon half.onnx --to-float32 --simplify -o net.onnx",
        "pith surgeon net.onnx --insert-qdq input=0.0078125 --insert-qdq conv1.weight -o net-qdq.onnx",
    ];

    protected override IEnumerable<Symbol> Symbols => [_model, _output, .. _edits.All.SelectMany(edit => edit.Options), _opset, _size];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var output = ModelFile.Output(arguments.GetValue(_output), model, "-edited.onnx");
        int? opset = arguments.GetValue(_opset) is { } wanted ? CommonOptions.Require(_opset.Name, wanted, OldestWritten, Newest) : null;
        var source = ModelFile.Load(model, arguments.GetValue(_size));
        var (graph, done) = (source.Clone(), new List<string>());
        if (arguments.GetValue(_size) is { } size) done.Add($"images of {size}");
        foreach (var edit in _edits.All)
        {
            if (edit.Apply(graph, arguments) is not { } edited) continue;
            (graph, var line) = edited;
            done.Add(line);
            cancellation.ThrowIfCancellationRequested();
        }
        _edits.UpdateMetadata(graph, arguments);
        if (opset is { } chosen) done.Add($"opset {chosen}");
        if (opset < GeluSince) PassRunner.RunOnce(graph, new ExpandGelu());
        new Provenance { Step = Name, Pith = PithVersion.Text, Model = ModelHash.Of(source), Settings = new() { ["edits"] = new JsonArray([.. done.Select(line => (JsonNode)line)]) } }.AddTo(source, graph, null);
        var written = Save(graph, output, opset ?? OpsetOf(model), isWanted: opset is not null);
        terminal.Result(new
        {
            Model = model,
            Output = output,
            Edits = done,
            Opset = written,
            NodesBefore = source.Nodes.Count,
            Nodes = graph.Nodes.Count,
            Inputs = graph.Inputs.Select(input => new { input.Name, Type = input.Type.ToString() }),
            Outputs = graph.Outputs.Select(value => new { value.Name, Type = value.Type.ToString() }),
        }, console =>
        {
            foreach (var line in done) console.Line($"  {line}");
            console.Line($"{output}: opset {written}, {graph.Nodes.Count} nodes (before: {source.Nodes.Count}), {string.Join(", ", graph.Inputs.Select(input => $"{input.Name} {input.Type.ToString()}"))} to {string.Join(", ", graph.Outputs.Select(value => $"{value.Name} {value.Type.ToString()}"))}");
        });
        return Program.Done;
    }

    // 0 stands for the default.
    private static int OpsetOf(string model) => File.Exists(model) && OnnxModel.ReadContents(model).Opset is >= OldestWritten and <= Newest and var opset ? opset : 0;

    // What import normalised may need a newer opset than the file had.
    private static int Save(Graph graph, string output, int opset, bool isWanted)
    {
        try
        {
            OnnxModel.Save(graph, output, opset);
        }
        catch (PithException) when (!isWanted && opset != 0)
        {
            OnnxModel.Save(graph, output);
        }
        return OnnxModel.ReadContents(output).Opset;
    }
}
