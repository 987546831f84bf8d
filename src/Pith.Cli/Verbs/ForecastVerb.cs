using System.CommandLine;
using Pith.Benchmarking;
using Pith.Cli.Reporting;

namespace Pith.Cli.Verbs;

/// <summary><c>pith forecast</c>: what 2:4 and V:2:4 would bring to a network on this machine, before any training.</summary>
internal sealed class ForecastVerb : Verb
{
    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string[]> _pattern = new("--pattern") { Description = $"Pattern to try: {string.Join(", ", SparsityPattern.All)}. May be repeated, or given several values. Default: 2:4, and every V:2:4 that this machine has kernels for.", HelpName = "pattern", AllowMultipleArgumentsPerToken = true };
    private readonly Option<int> _batch = CommonOptions.Batch(1);
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<double?> _target = new("--target-speedup") { Description = "Speed-up that is wanted, e.g. 1.5: names the cheapest pattern that reaches it.", HelpName = "x" };
    private readonly Option<double> _duration = new("--duration") { Description = "Seconds of timing for each network.", HelpName = "s", DefaultValueFactory = _ => 2 };
    private readonly Option<string?> _cache = CommonOptions.TimingCache();

    public override string Name => "forecast";

    public override string Summary => "Says before any training what 2:4 and V:2:4 would bring here: times the INT8 form of the network with random sparse weights, dense and sparse in turn.";

    public override IReadOnlyList<string> Examples => ["pith forecast net.onnx", "pith forecast resnet34 --batch 8 --pattern 2:4 16:2:4", "pith forecast net.onnx --target-speedup 1.5 --size 512x512 --json"];

    protected override IEnumerable<Symbol> Symbols => [_model, _pattern, _target, _batch, _size, _threads, _duration, _cache];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var cachePath = arguments.GetValue(_cache);
        var cache = CommonOptions.LoadTimingCache(cachePath);
        var settings = new ForecastSettings
        {
            Patterns = Patterns(arguments.GetValue(_pattern) ?? []),
            Batch = CommonOptions.Require("--batch", arguments.GetValue(_batch), 1, 4096),
            Threads = arguments.GetValue(_threads),
            TargetSpeedup = arguments.GetValue(_target) is { } target ? CommonOptions.Require("--target-speedup", target, 0.01, 100) : null,
            Benchmark = new BenchmarkSettings { Seconds = CommonOptions.Require("--duration", arguments.GetValue(_duration), 0, 3600) },
            TimingCache = cache,
        };
        var result = terminal.Track(events => SparsityForecast.Run(ModelFile.Load(model, arguments.GetValue(_size)), settings, events, cancellation));
        if (cachePath is not null) cache.Save(cachePath);
        terminal.Result(new { Model = model, Machine = MachineDescription.Text, Forecast = result }, console => ForecastTable.Draw(console, model, result));
        return Program.Done;
    }

    private static SparsityPattern[] Patterns(string[] given)
    {
        try
        {
            return [.. given.SelectMany(text => text.Split(',')).Select(SparsityPattern.Parse)];
        }
        catch (PithException wrong)
        {
            throw new UsageException($"--pattern: {wrong.Message}");
        }
    }
}
