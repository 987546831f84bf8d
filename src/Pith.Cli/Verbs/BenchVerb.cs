using System.CommandLine;
using System.Globalization;
using Pith.Benchmarking;
using Pith.Cli.Reporting;
using Pith.Cli.Peers;

namespace Pith.Cli.Verbs;

/// <summary>
/// <c>pith bench</c>: latency and throughput of one network or plan, of two in turn, or in turn with ONNX Runtime; or the tactics of one layer. Options are called as
/// TensorRT's trtexec calls them.
/// </summary>
internal sealed class BenchVerb : Verb
{
    private const int ProfileRuns = 20;
    private const string OnnxRuntimeName = "onnxruntime";

    private readonly Argument<string?> _model = new("model") { Description = EngineFile.Help, Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _against = new("--against") { Description = "A second network or plan, timed in alternation with the first; the ratio says how many times faster the first one is.", HelpName = "model" };
    private readonly Option<string?> _with = new("--with") { Description = $"Another engine, timed in turn in the same process: {OnnxRuntimeName}.", HelpName = "engine" };
    private readonly Option<string?> _withModel = new("--with-model") { Description = "The ONNX file that the other engine runs. Default: the model.", HelpName = "file" };
    private readonly Option<string?> _library = new("--onnxruntime-library") { Description = $"The path of ONNX Runtime's shared library. Default: the environment variable {OnnxRuntime.LibraryVariable}.", HelpName = "file" };
    private readonly Option<string?> _layer = new("--layer") { Description = "Instead of a network: times each tactic of the conv or gemm layer with this specification (--layer-info prints them).", HelpName = "spec" };
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int> _batch = CommonOptions.Batch(1);
    private readonly Option<int> _streams = new("--streams") { Description = "Concurrent queries, each with its share of the threads.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<string?> _processors = new("--processors") { Description = "Processors to bind the threads to, separated by commas, one per thread. Default: the system chooses.", HelpName = "list" };
    private readonly Option<double> _warmUp = new("--warm-up") { Description = "Warm-up before timing begins, in milliseconds.", HelpName = "ms", DefaultValueFactory = _ => 200 };
    private readonly Option<double> _duration = new("--duration") { Description = "Seconds of timing for each engine.", HelpName = "s", DefaultValueFactory = _ => 3 };
    private readonly Option<int> _iterations = new("--iterations") { Description = "Minimum number of timed runs.", HelpName = "n", DefaultValueFactory = _ => 10 };
    private readonly Option<string> _percentile = new("--percentile") { Description = "Percentiles of the latency to report, separated by commas.", HelpName = "list", DefaultValueFactory = _ => "90,95,99" };
    private readonly Option<bool> _profile = new("--profile") { Description = "Also print the time of each layer, from separate runs." };
    private readonly Option<bool> _layerInfo = new("--layer-info") { Description = "Also print each layer, its tactic, and why the other tactics were not used." };
    private readonly Option<string?> _exportTimes = CommonOptions.OutputFile(new("--export-times") { Description = "Where to write the start and latency of every timed run, as JSON.", HelpName = "file" });
    private readonly Option<string?> _exportProfile = CommonOptions.OutputFile(new("--export-profile") { Description = "Where to write the time of each layer, as JSON.", HelpName = "file" });
    private readonly Option<string?> _exportLayerInfo = CommonOptions.OutputFile(new("--export-layer-info") { Description = "Where to write the layers and tactics, as JSON.", HelpName = "file" });
    private readonly Option<bool> _bf16 = CommonOptions.Bf16();
    private readonly Option<bool> _energy = CommonOptions.Energy();
    private readonly Option<string?> _cache = CommonOptions.TimingCache();

    public override string Name => "bench";

    public override string Summary => "Measures latency and throughput of a network, compares two engines, or times every kernel of one layer.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith bench resnet50 --batch 8",
        "pith bench net-int8.onnx --against net.onnx --duration 10 --percentile 50,99,99.9",
        "pith bench net-int8.onnx --with onnxruntime --onnxruntime-library libonnxruntime.so",
        "pith bench net.plan --streams 2 --threads 4 --export-times times.json",
        "pith bench net.plan --profile --layer-info --json",
        "pith bench net-sparse-int8.plan --against net-int8.plan --energy",
        "pith bench --layer \"conv s8>s8 n1 c64 h56 w56 k64 r3,3 stride1,1 pad1,1,1,1 bias\"",
    ];

    // What makes no sense for one layer.
    private Option[] OfNetworks => [_against, _with, _withModel, _library, _size, _batch, _streams, _processors, _percentile, _profile, _layerInfo, _exportTimes, _exportProfile, _exportLayerInfo, _bf16, _energy, _cache];

    protected override IEnumerable<Symbol> Symbols => [_model, _against, _with, _withModel, _library, _layer, _size, _batch, _streams, _threads, _processors, _warmUp, _duration, _iterations, _percentile, _profile, _layerInfo, _exportTimes, _exportProfile, _exportLayerInfo, _bf16, _energy, _cache];

    public override void Declare(Command command)
    {
        _with.AcceptOnlyFromAmong(OnnxRuntimeName);
        base.Declare(command);
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var settings = new BenchmarkSettings
        {
            Batches = [CommonOptions.Require("--batch", arguments.GetValue(_batch), 1, 4096)],
            WarmUpSeconds = CommonOptions.Require("--warm-up", arguments.GetValue(_warmUp), 0, 60_000) / 1e3,
            Seconds = CommonOptions.Require("--duration", arguments.GetValue(_duration), 0, 3600),
            MinRuns = CommonOptions.Require("--iterations", arguments.GetValue(_iterations), 1, 1_000_000),
        };
        if (arguments.GetValue(_layer) is { } layer) TimeLayer(layer, settings, arguments, terminal, cancellation);
        else TimeNetworks(arguments.GetValue(_model) ?? throw new UsageException("What should be timed? Give a model, or --layer."), settings, arguments, terminal, cancellation);
        return Program.Done;
    }

    private void TimeLayer(string layer, BenchmarkSettings settings, ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        if (arguments.GetValue(_model) is { } model) throw new UsageException($"--layer times one layer without a model; remove '{model}' or --layer.");
        foreach (var option in OfNetworks)
            if (arguments.GetResult(option) is { Implicit: false }) throw new UsageException($"{option.Name} does not go with --layer, which takes --duration, --warm-up, --iterations and --threads.");
        var result = terminal.Track(events => LayerBenchmark.Run(layer, settings, arguments.GetValue(_threads), events, cancellation));
        terminal.Result(new { Layer = result.Spec.ToString(), Isa = result.Features.ToString(), result.Threads, result.Macs, result.PeakMacsPerSecond, result.Tactics, Machine = MachineDescription.Text }, console => TacticTable.Draw(console, result));
    }

    private void TimeNetworks(string model, BenchmarkSettings settings, ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var percentiles = Percentiles(arguments.GetRequiredValue(_percentile));
        var peer = Peer(model, arguments);
        var streams = CommonOptions.Require("--streams", arguments.GetValue(_streams), 1, 256);
        var total = arguments.GetValue(_threads) is var given and > 0 ? given : Environment.ProcessorCount;
        var threads = Math.Max(1, total / streams);
        var processors = Processors(arguments.GetValue(_processors), threads, streams);
        var cachePath = arguments.GetValue(_cache);
        var cache = CommonOptions.LoadTimingCache(cachePath);
        var options = new EngineOptions { MaxBatch = settings.Batches[0], Threads = threads, Bf16 = arguments.GetValue(_bf16), TimingCache = cache };
        using var entries = new BenchEntries(streams, threads, processors, arguments.GetValue(_size));
        var report = terminal.Track(events =>
        {
            entries.Add(model, options, events);
            CommonOptions.NoteFixedBatch(arguments, _batch, entries.First!.Engine, events);
            if (arguments.GetValue(_against) is { } against) entries.Add(against, options, events);
            if (peer is var (library, file)) entries.AddOnnxRuntime(library, file);
            // Not before: threads inherit what their creator is bound to.
            if (processors is not null) ThreadAffinity.PinCurrentThread(processors[0]);
            var results = Benchmark.Run([.. entries.All.Select(entry => entry.Target)], settings, "benchmark", events, cancellation);
            var meter = CommonOptions.FindEnergyMeter(arguments.GetValue(_energy), events);
            EnergyResult?[] energy = [.. entries.All.Select(entry => meter is null ? null : EnergyResult.Measure(meter, entry.Target, settings, "energy", events, cancellation))];
            var needsProfile = arguments.GetValue(_profile) || arguments.GetValue(_exportProfile) is not null;
            return new BenchReport
            {
                Rows = [.. Rows(entries.All, results).Select((row, i) => row with { Energy = energy[i] })],
                EnergyWanted = arguments.GetValue(_energy),
                Percentiles = percentiles,
                Threads = threads,
                FirstAnswerSeconds = entries.FirstAnswerSeconds,
                Profile = needsProfile ? LayerProfile.Of(entries.First!, ProfileRuns) : null,
                Layers = arguments.GetValue(_layerInfo) ? entries.First!.Engine.Layers : null,
            };
        });
        if (cachePath is not null) cache.Save(cachePath);
        if (arguments.GetValue(_exportTimes) is { } times) BenchFiles.WriteTimes(times, report);
        if (arguments.GetValue(_exportProfile) is { } profile) BenchFiles.WriteProfile(profile, model, entries.First!.Engine.MaxBatch, threads, report.Profile!);
        if (arguments.GetValue(_exportLayerInfo) is { } layerInfo) BenchFiles.WriteLayerInfo(layerInfo, model, entries.First!.Engine);
        if (!arguments.GetValue(_profile)) report = report with { Profile = null };
        terminal.Result(report.Json(), report.Draw);
    }

    // The processors of the threads of the one stream.
    private static int[]? Processors(string? list, int threads, int streams)
    {
        if (list is null) return null;
        var processors = list.Split(',').Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new UsageException($"--processors: '{text}' is not a processor number; expected e.g. 0,1.")).ToArray();
        if (streams > 1) throw new UsageException("--processors binds the threads of one stream; remove --streams.");
        if (processors.Length != threads) throw new UsageException($"--processors names {processors.Length}, there are {threads} threads.");
        return processors;
    }

    /// <summary>The library and the file of the peer that was asked for; null for none.</summary>
    private (string Library, string Model)? Peer(string model, ParseResult arguments)
    {
        var library = arguments.GetValue(_library);
        var file = arguments.GetValue(_withModel);
        if (arguments.GetValue(_with) is null)
        {
            if ((library is null ? file is null ? null : _withModel.Name : _library.Name) is { } lonely) throw new UsageException($"{lonely} needs --with {OnnxRuntimeName}.");
            return null;
        }
        library ??= Environment.GetEnvironmentVariable(OnnxRuntime.LibraryVariable);
        if (string.IsNullOrEmpty(library)) throw new UsageException($"Where is ONNX Runtime? Give the path of its shared library by {_library.Name} or in the environment variable {OnnxRuntime.LibraryVariable}.");
        if (file is null && (EngineFile.IsPlan(model) || !File.Exists(model))) throw new UsageException($"'{model}' is not an ONNX file, which {OnnxRuntimeName} needs. Name one by {_withModel.Name}. (pith models NAME -o FILE writes a built-in network.)");
        return (library, file ?? model);
    }

    private static IReadOnlyList<BenchRow> Rows(IReadOnlyList<BenchEntry> entries, IReadOnlyList<BenchmarkResult> results)
    {
        var first = entries[0].FirstOutput();
        return [.. entries.Select((entry, i) => i == 0
            ? new BenchRow(entry.Name, results[0], null, null)
            : new BenchRow(entry.Name, results[i], SpeedRatio.Of(results[0], results[i]), first is not null && entry.FirstOutput() is { } other ? OutputAgreement.Of(first, other) : null))];
    }

    private static double[] Percentiles(string list)
    {
        const int Most = 8;
        var parts = list.Split(',');
        var numbers = parts.Select(part => double.TryParse(part, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent is > 0 and <= 100 ? percent : throw Unusable()).Distinct().Order().ToArray();
        return numbers.Length <= Most ? numbers : throw Unusable();

        UsageException Unusable() => new($"--percentile must be 1 to {Most} numbers above 0 and up to 100, separated by commas, e.g. 90,99,99.9; got '{list}'.");
    }
}
