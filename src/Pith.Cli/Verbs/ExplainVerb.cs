using System.CommandLine;
using Pith.Benchmarking;
using Pith.Cli.Reporting;

namespace Pith.Cli.Verbs;

/// <summary><c>pith explain</c>: what 2:4 sparsity brings to each layer of a network or plan, and why not more.</summary>
internal sealed class ExplainVerb : Verb
{
    private const int ProfileRuns = 20;

    private readonly Argument<string> _model = new("model") { Description = EngineFile.Help };
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int?> _batch = new("--batch") { Description = "Images per run. Default: what the plan was built for; 1 for a network.", HelpName = "n" };
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<string?> _cache = CommonOptions.TimingCache();

    public override string Name => "explain";

    public override string Summary => "Says for each layer whether it can be and is 2:4 sparse, how fast dense and sparse kernels were, and which one runs. A plan has these times; a network is built and timed.";

    public override IReadOnlyList<string> Examples => ["pith explain net-int8.onnx", "pith explain net.plan --json", "pith explain net-int8.onnx --batch 8 --size 512x512"];

    protected override IEnumerable<Symbol> Symbols => [_model, _batch, _size, _threads, _cache];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var cachePath = arguments.GetValue(_cache);
        var cache = CommonOptions.LoadTimingCache(cachePath);
        var explanation = terminal.Track(events =>
        {
            using var engine = Open(model, arguments, cache, events);
            cancellation.ThrowIfCancellationRequested();
            using var context = engine.CreateContext();
            return EngineExplanation.Of(engine, LayerProfile.Of(context, ProfileRuns), context.Threads);
        });
        if (cachePath is not null) cache.Save(cachePath);
        terminal.Result(new { Model = model, Machine = MachineDescription.Text, Explanation = explanation }, console => ExplanationTable.Draw(console, model, explanation));
        return Program.Done;
    }

    private Engine Open(string model, ParseResult arguments, TimingCache cache, IProgress<PithEvent> events)
    {
        int? batch = arguments.GetValue(_batch) is { } given ? CommonOptions.Require("--batch", given, 1, 4096) : null;
        var threads = arguments.GetValue(_threads);
        var options = new EngineOptions { MaxBatch = batch ?? 1, Threads = threads, TimingCache = cache };
        // As it was built, so that the times are those of the plan.
        var asBuilt = EngineFile.IsPlan(model) && batch is null ? Engine.ReadOptions(model) with { TimingCache = cache } : null;
        return EngineFile.Open(model, asBuilt is null ? options : threads > 0 ? asBuilt with { Threads = threads } : asBuilt, events, arguments.GetValue(_size));
    }
}
