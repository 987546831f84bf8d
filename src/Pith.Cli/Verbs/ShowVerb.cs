using System.CommandLine;
using System.Globalization;
using Pith.Benchmarking;
using Pith.Cli.Reporting;
using Pith.Cli.Reporting.Html;

namespace Pith.Cli.Verbs;

/// <summary><c>pith show</c>: a network as a picture, before and after fusion.</summary>
internal sealed class ShowVerb : Verb
{
    private const int ProfileRuns = 20;

    private readonly Argument<string> _model = new("model") { Description = EngineFile.Help };
    private readonly Option<string?> _output = CommonOptions.Output("the page. Default: the model's name with .html");
    private readonly Option<bool> _profile = new("--profile") { Description = "Also measure the time of each layer; a network is built and its kernels are timed first." };
    private readonly Option<int> _batch = new("--batch") { Description = "Images per run of --profile.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<string?> _cache = CommonOptions.TimingCache();

    public override string Name => "show";

    public override string Summary => "Draws a network as a page to pan, zoom and search: the graph as its file has it and the fused layers of the engine, Q/DQ, precision, sparsity, and with --profile the time of each layer. One file that loads nothing.";

    public override IReadOnlyList<string> Examples => ["pith show net-int8.onnx -o graph.html", "pith show net.plan --profile -o graph.html", "pith show resnet50 -o resnet50.html", "pith show segmentation.onnx --size 640x480"];

    protected override IEnumerable<Symbol> Symbols => [_model, _output, _profile, _batch, _size, _threads, _cache];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var output = ModelFile.Output(arguments.GetValue(_output), model, ".html");
        var cachePath = arguments.GetValue(_cache);
        var options = new EngineOptions
        {
            MaxBatch = CommonOptions.Require(_batch.Name, arguments.GetValue(_batch), 1, 4096),
            Threads = arguments.GetValue(_threads),
            TimingCache = CommonOptions.LoadTimingCache(cachePath),
        };
        var shown = terminal.Track(events => Read(model, arguments, options, events, cancellation));
        cancellation.ThrowIfCancellationRequested();
        var drawings = Draw(shown);
        AtomicFile.WriteText(output, GraphPage.Render(Path.GetFileName(model), About(shown), drawings));
        if (cachePath is not null) options.TimingCache.Save(cachePath);
        if (shown.WhyNoEngine is { } reason) terminal.Note($"There is no drawing of the engine's layers: {reason}");
        terminal.Result(new { Model = model, Output = output, Nodes = shown.Graph.Nodes.Count, Layers = shown.Layers?.Count, shown.WhyNoEngine, Microseconds = shown.Profile?.Sum(layer => layer.Microseconds) },
            console => console.Line($"{output}: {shown.Graph.Nodes.Count} nodes{(shown.Layers is { } layers ? $", {layers.Count} layers of the engine" : "")}. Open it in a browser."));
        return Program.Done;
    }

    private sealed record Shown(Graph Graph, IReadOnlyList<LayerInfo>? Layers, IReadOnlyList<LayerResult>? Profile, string? WhyNoEngine);

    private Shown Read(string model, ParseResult arguments, EngineOptions options, IProgress<PithEvent> events, CancellationToken cancellation)
    {
        var (size, profiled) = (arguments.GetValue(_size), arguments.GetValue(_profile));
        if (!EngineFile.IsPlan(model) && !profiled)
        {
            var graph = ModelFile.Load(model, size);
            try
            {
                return new Shown(graph, EngineBuilder.Describe(graph, options), null, null);
            }
            catch (PithException refused)
            {
                return new Shown(graph, null, null, refused.Message);
            }
        }
        var asBuilt = EngineFile.IsPlan(model) && arguments.GetResult(_batch) is not { Implicit: false } ? Engine.ReadOptions(model) with { TimingCache = options.TimingCache } : options;
        var network = EngineFile.IsPlan(model) ? null : ModelFile.Load(model, size);
        using var engine = network is null ? EngineFile.Open(model, options.Threads > 0 ? asBuilt with { Threads = options.Threads } : asBuilt, events, size) : EngineBuilder.Build(network, options, events);
        cancellation.ThrowIfCancellationRequested();
        if (!profiled) return new Shown(engine.ToGraph(), engine.Layers, null, null);
        using var context = engine.CreateContext();
        return new Shown(network ?? engine.ToGraph(), engine.Layers, LayerProfile.Of(context, ProfileRuns), null);
    }

    private static List<DrawnGraph> Draw(Shown shown)
    {
        (string, TensorType)[] inputs = [.. shown.Graph.Inputs.Select(input => (input.Name, input.Type))];
        var graph = NetworkDrawing.Of(shown.Graph, shown.Layers is null ? new Dictionary<string, (string, string)>() : EngineDrawing.LayerOf(shown.Layers, inputs.Length));
        if (shown.Layers is null) return [graph];
        var ids = graph.Nodes.GroupBy(node => node.Name).ToDictionary(nodes => nodes.Key, nodes => nodes.First().Id, StringComparer.Ordinal);
        return [graph, EngineDrawing.Of(shown.Layers, inputs, shown.Profile, name => ids.GetValueOrDefault(name))];
    }

    private static List<DrawnDetail> About(Shown shown)
    {
        var summary = GraphSummary.Of(shown.Graph);
        List<DrawnDetail> rows =
        [
            new("graph", summary.Name),
            new("inputs", string.Join(", ", summary.Inputs)),
            new("outputs", string.Join(", ", summary.Outputs)),
            new("nodes", shown.Graph.Nodes.Count.ToString(CultureInfo.InvariantCulture)),
            new("parameters", summary.Parameters.ToString("N0", CultureInfo.InvariantCulture)),
            new("MACs", summary.MultiplyAccumulates.ToString("N0", CultureInfo.InvariantCulture)),
            new("layers with weights", $"{summary.Layers.Count}: {summary.QuantizedLayers} int8, {summary.SparseLayers} 2:4 sparse"),
            new("ops", string.Join(", ", summary.Ops.Select(op => $"{op.OpType} {op.Count}"))),
        ];
        if (shown.Layers is { } layers) rows.Add(new("engine", $"{layers.Count} layers: {string.Join(", ", layers.GroupBy(layer => layer.Precision).Select(group => $"{group.Count()} {group.Key}"))}"));
        if (shown.Profile is { } profile) rows.Add(new("time per run", string.Create(CultureInfo.InvariantCulture, $"{profile.Sum(layer => layer.Microseconds):0} µs over all layers")));
        if (shown.WhyNoEngine is { } reason) rows.Add(new("no engine", reason));
        rows.Add(new("keys", "/ find, Enter next, + − zoom, f fit, Esc back"));
        return rows;
    }
}
