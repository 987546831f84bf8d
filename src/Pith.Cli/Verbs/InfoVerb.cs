using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith info</c>: what is in a model or a plan.</summary>
internal sealed class InfoVerb : Verb
{
    private readonly Argument<string> _model = new("model") { Description = EngineFile.Help };
    private readonly Option<bool> _nodes = new("--nodes") { Description = "Print every node, not only layers with weights." };
    private readonly Option<string[]> _show = new("--show") { Description = "Also show: weights (every constant with its range and zeros), attrs (every node with its attributes, inputs and outputs), layers (the engine's layers, what became of every kernel, and why). May be given several times.", HelpName = "what" };
    private readonly Option<InputSize?> _size = CommonOptions.Size();

    public override string Name => "info";

    public override string? Alias => "inspect";

    public override string Summary => "Shows a model or plan: how it was made, graph, size, multiply-accumulates, sparsity, quantization, kernels chosen.";

    public override IReadOnlyList<string> Examples => ["pith info net.onnx", "pith info resnet50 --json", "pith info net.plan", "pith info net.onnx --nodes", "pith info net.onnx --show weights", "pith info net.plan --show attrs --show layers --json"];

    protected override IEnumerable<Symbol> Symbols => [_model, _nodes, _show, _size];

    public override void Declare(Command command)
    {
        _show.AcceptOnlyFromAmong("weights", "attrs", "layers");
        base.Declare(command);
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var size = arguments.GetValue(_size);
        var shown = arguments.GetValue(_show) ?? [];
        if (EngineFile.IsPlan(model)) ShowPlan(model, size, shown, terminal);
        else ShowGraph(model, ModelFile.Load(model, size), arguments.GetValue(_nodes), shown, terminal);
        return Program.Done;
    }

    private static void ShowGraph(string model, Graph graph, bool nodes, string[] shown, Terminal terminal)
    {
        var summary = GraphSummary.Of(graph);
        var layers = EngineLayers(graph, out var unknown);
        var contents = Contents(graph, shown);
        var json = new
        {
            Model = model,
            summary.Name,
            summary.Inputs,
            summary.Outputs,
            Nodes = graph.Nodes.Count,
            summary.Parameters,
            Macs = summary.MultiplyAccumulates,
            summary.ConstantBytes,
            summary.QuantizedLayers,
            summary.SparseLayers,
            summary.Ops,
            summary.Layers,
            ReferenceLayers = layers?.Count(layer => layer.ReferenceReason is not null),
            ReferenceReasons = layers?.Where(layer => layer.ReferenceReason is not null).ToDictionary(layer => layer.Name, layer => layer.ReferenceReason),
            graph.Metadata,
            Provenance = ProvenanceText.Entries(graph.Metadata),
            Text = nodes ? graph.ToString() : null,
            contents?.Weights,
            contents?.Attributes,
            EngineLayers = shown.Contains("layers") ? layers : null,
        };
        terminal.Result(json, console =>
        {
            console.Line($"{model}: graph '{graph.Name}', {graph.Nodes.Count} nodes, {summary.Parameters / 1e6:0.00} M parameters, {summary.MultiplyAccumulates / 1e6:0.0} MMACs for one image");
            console.Line($"  inputs  {string.Join(", ", summary.Inputs)}");
            console.Line($"  outputs {string.Join(", ", summary.Outputs)}");
            console.Line($"  constants {string.Join(", ", summary.Constants.Select(constant => $"{constant.Type.ShortName()} {StageText.Bytes(constant.Bytes)}"))}");
            console.Line($"  layers with weights: {summary.Layers.Count}, {summary.QuantizedLayers} quantized, {SparseText(summary)}");
            console.Line($"  ops {string.Join(", ", summary.Ops.Select(op => $"{op.OpType} {op.Count}"))}");
            DrawMetadata(console, graph.Metadata);
            DrawLayers(console, summary);
            if (layers is not null) ReferenceLoops.Draw(console, layers);
            else console.Line($"which layers have a kernel is not known: {unknown}");
            if (nodes) console.WriteLine(graph.ToString());
            contents?.Draw(console);
            if (shown.Contains("layers") && layers is not null) LayerInfoText.Draw(console, layers);
        });
    }

    private static ModelContents? Contents(Graph graph, string[] shown) => shown.Contains("weights") || shown.Contains("attrs") ? ModelContents.Of(graph, shown.Contains("weights"), shown.Contains("attrs")) : null;

    private static string SparseText(GraphSummary summary)
    {
        var patterns = summary.Layers.Where(layer => layer.Pattern is not null).GroupBy(layer => layer.Pattern).Select(group => $"{group.Count()} {group.Key}").ToArray();
        return $"{summary.SparseLayers} 2:4 sparse{(summary.Layers.Any(layer => layer.Pattern is not null and not "2:4") ? $" ({string.Join(", ", patterns)})" : "")}";
    }

    // What an engine would run; null, with the reason, when none can be built.
    private static IReadOnlyList<LayerInfo>? EngineLayers(Graph graph, out string? unknown)
    {
        unknown = null;
        try
        {
            return EngineBuilder.Describe(graph, new EngineOptions());
        }
        catch (PithException refused)
        {
            unknown = refused.Message;
            return null;
        }
    }

    private static void DrawLayers(IAnsiConsole console, GraphSummary summary)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "type", "weight").AddColumn(new TableColumn("MMACs").RightAligned()).AddColumn(new TableColumn("zeros").RightAligned()).AddColumns("sparsity", "precision");
        foreach (var layer in summary.Layers)
        {
            string[] cells = [layer.Name, layer.OpType, $"{layer.WeightType.ShortName()}{layer.WeightShape}", (layer.MultiplyAccumulates / 1e6).ToString("0.00", CultureInfo.InvariantCulture), StageText.Percent(layer.Sparsity), layer.Pattern ?? "dense", layer.Precision == Precision.Int8 ? "int8" : "float"];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
    }

    private static void ShowPlan(string model, InputSize? size, string[] shown, Terminal terminal)
    {
        using var engine = Engine.Load(model);
        size?.Bind(model, engine.Inputs);
        var contents = Contents(engine.ToGraph(), shown);
        var json = new
        {
            Model = model,
            engine.Name,
            engine.MaxBatch,
            Inputs = engine.Inputs.Select(input => new { input.Name, Type = input.Type.ToString() }),
            Outputs = engine.Outputs.Select(output => new { output.Name, Type = output.Type.ToString() }),
            engine.WeightBytes,
            engine.ActivationBytes,
            engine.Metadata,
            Provenance = ProvenanceText.Entries(engine.Metadata),
            ReferenceLayers = engine.Layers.Count(layer => layer.ReferenceReason is not null),
            engine.Layers,
            contents?.Weights,
            contents?.Attributes,
        };
        terminal.Result(json, console =>
        {
            console.Line($"{model}: plan of '{engine.Name}', batch {engine.MinBatch} to {engine.MaxBatch}, weights {StageText.Bytes(engine.WeightBytes)}, activations {StageText.Bytes(engine.ActivationBytes)}");
            DrawMetadata(console, engine.Metadata);
            var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "kind", "precision", "kernel", "next best");
            foreach (var layer in engine.Layers)
            {
                string[] cells = [layer.Name, layer.Spec.Kind.ToString(), layer.Precision, layer.Tactic, VerdictText.RunnerUp(layer)];
                table.AddRow([.. cells.Select(SafeText.Cell)]);
            }
            console.Write(table);
            ReferenceLoops.Draw(console, engine.Layers);
            contents?.Draw(console);
            if (shown.Contains("layers")) LayerInfoText.Draw(console, engine.Layers);
            else console.MarkupLine("pith info --show layers and pith bench --layer-info say what became of every kernel, and why.");
        });
    }

    private static void DrawMetadata(IAnsiConsole console, IEnumerable<KeyValuePair<string, string>> metadata)
    {
        var entries = ProvenanceText.Entries(metadata);
        foreach (var (key, text) in metadata)
            if (entries is null || key != Provenance.MetadataKey) console.Line($"  {key} = {OneLine(text)}");
        foreach (var line in ProvenanceText.Lines(entries ?? [])) console.Line($"  {line}");
    }

    private static string OneLine(string text)
    {
        const int Longest = 100;
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= Longest ? line : line[..Longest] + "…";
    }
}
