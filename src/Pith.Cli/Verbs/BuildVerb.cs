using System.CommandLine;
using System.Globalization;
using Pith.Benchmarking;
using Pith.Cli.Reporting;
using Pith.Compression.Compatibility;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith build</c>: chooses the fastest kernel of each layer and writes a plan.</summary>
internal sealed class BuildVerb : Verb
{
    private const int DefaultTensorRt = 10;

    private readonly Argument<string> _model = CommonOptions.Model();
    private readonly Option<string?> _output = CommonOptions.Output("the plan");
    private readonly Option<int> _batch = new("--batch") { Description = "Largest batch size that the plan can run.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _minBatch = new("--min-batch") { Description = "Smallest batch size that the plan can run.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _optBatch = new("--opt-batch") { Description = "Batch size that kernels are timed for; 0 means the largest.", HelpName = "n" };
    private readonly Option<double?> _tuningTime = new("--tuning-time") { Description = "Time limit for timing kernels, in seconds; after it, kernels are chosen by estimate. Default: no limit.", HelpName = "s" };
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<bool> _bf16 = CommonOptions.Bf16();
    private readonly Option<string?> _cache = CommonOptions.TimingCache();
    private readonly Option<bool> _noTiming = new("--no-timing") { Description = "Choose kernels by estimate, without timing: gives the same plan every time." };
    private readonly Option<bool> _verbose = new("--verbose", "-v") { Description = "Print for each layer which kernels were refused, and why." };
    private readonly Option<int?> _trtexec = new("--trtexec")
    {
        Description = "Print the trtexec command that builds a TensorRT engine of the model with these batches, for TensorRT 8, 9, 10 or 11 (default 10), instead of building a plan.",
        HelpName = "version",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = ReadTensorRt,
    };

    public override string Name => "build";

    public override string Summary => "Builds an engine and writes it as a plan: packed weights and choices, no machine code.";

    public override IReadOnlyList<string> Examples => ["pith build net-int8.onnx -o net.plan", "pith build net.onnx --batch 32 --timing-cache timings.json --verbose", "pith build net-int8.onnx --min-batch 1 --opt-batch 8 --batch 32 --tuning-time 20", "pith build segmentation.onnx --size 640x480", "pith build net-int8.onnx --batch 8 --trtexec 11"];

    protected override IEnumerable<Symbol> Symbols => [_model, _output, _batch, _minBatch, _optBatch, _tuningTime, _size, _threads, _bf16, _cache, _noTiming, _verbose, _trtexec];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        if (arguments.GetResult(_trtexec) is not null) return PrintTrtexec(model, arguments, terminal);
        var output = ModelFile.Output(arguments.GetValue(_output), model, EngineFile.PlanSuffix);
        if (!EngineFile.IsPlan(output)) throw new UsageException($"--output must end in {EngineFile.PlanSuffix}, so that other verbs know what it is; got '{output}'.");
        var cachePath = arguments.GetValue(_cache);
        var cache = CommonOptions.LoadTimingCache(cachePath);
        var options = new EngineOptions
        {
            MaxBatch = CommonOptions.Require("--batch", arguments.GetValue(_batch), 1, 4096),
            MinBatch = arguments.GetValue(_minBatch),
            OptBatch = arguments.GetValue(_optBatch),
            TuningBudget = arguments.GetValue(_tuningTime) is not { } seconds ? null
                : seconds is >= 0 and <= 86_400 ? TimeSpan.FromSeconds(seconds)
                : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"--tuning-time must be 0 to 86400 seconds, got {seconds}.")),
            Threads = arguments.GetValue(_threads),
            Bf16 = arguments.GetValue(_bf16),
            TimingCache = cache,
            TimeTactics = !arguments.GetValue(_noTiming),
        };
        using var engine = terminal.Track(events =>
        {
            var graph = ModelFile.Load(model, arguments.GetValue(_size));
            Made(graph, options).AddTo(graph, graph, events);
            var built = EngineBuilder.Build(graph, options, events);
            CommonOptions.NoteFixedBatch(arguments, _batch, built, events);
            return built;
        });
        cancellation.ThrowIfCancellationRequested();
        engine.Save(output);
        if (cachePath is not null) cache.Save(cachePath);
        terminal.Result(new { Model = model, Output = output, FileBytes = new FileInfo(output).Length, engine.MaxBatch, engine.WeightBytes, engine.ActivationBytes, engine.Layers }, console => Draw(console, engine, output, arguments.GetValue(_verbose)));
        return Program.Done;
    }

    // Threads and the time spent on timing decide nothing but speed; which kernels were chosen stands in the plan itself.
    private static Provenance Made(Graph graph, EngineOptions options) => new()
    {
        Step = "build",
        Pith = PithVersion.Text,
        Model = ModelHash.Of(graph),
        Machine = MachineDescription.Text,
        Settings = new() { ["max_batch"] = options.MaxBatch, ["min_batch"] = options.MinBatch, ["opt_batch"] = options.OptBatch, ["bf16"] = options.Bf16, ["time_tactics"] = options.TimeTactics },
    };

    private int PrintTrtexec(string model, ParseResult arguments, Terminal terminal)
    {
        if (!File.Exists(model)) throw new UsageException($"--trtexec needs an ONNX file; write '{model}' to one first (pith models {model} -o {model}.onnx).");
        var max = CommonOptions.Require("--batch", arguments.GetValue(_batch), 1, 4096);
        var min = CommonOptions.Require("--min-batch", arguments.GetValue(_minBatch), 1, max);
        var opt = arguments.GetValue(_optBatch) is > 0 and var given ? CommonOptions.Require("--opt-batch", given, min, max) : max;
        var graph = ModelFile.Load(model, arguments.GetValue(_size));
        var version = arguments.GetValue(_trtexec) ?? DefaultTensorRt;
        var command = TrtexecCommand.Of(graph, model, arguments.GetValue(_output) ?? Path.ChangeExtension(model, ".engine"), version, (min, opt, max));
        var errors = TensorRtCheck.Run(graph, OnnxModel.ReadContents(model), new(new(version, version == 8 ? 6 : 0), new(version, RuntimeVersion.Newest))).Count(violation => violation.Severity == Severity.Error);
        if (errors > 0) terminal.Note($"TensorRT {version} will not take this model as it is: pith check {model} --versions {(version == 8 ? "8.6" : version)} names {errors} {(errors == 1 ? "reason" : "reasons")}.");
        terminal.Result(new { Model = model, TensorRt = version, Command = TrtexecCommand.Quoted(command), Arguments = command, Errors = errors }, console => console.Profile.Out.Writer.WriteLine(SafeText.Of(TrtexecCommand.Quoted(command))));
        return Program.Done;
    }

    private static int? ReadTensorRt(System.CommandLine.Parsing.ArgumentResult result)
    {
        if (result.Tokens.Count == 0) return DefaultTensorRt;
        if (int.TryParse(result.Tokens[0].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var version) && version is >= 8 and <= 11) return version;
        result.AddError($"--trtexec takes the major version of TensorRT, 8 to 11; got '{result.Tokens[0].Value}'.");
        return null;
    }

    private static void Draw(IAnsiConsole console, Engine engine, string output, bool verbose)
    {
        var precisions = string.Join(", ", engine.Layers.GroupBy(layer => layer.Precision).Select(layers => $"{layers.Count()} {layers.Key}"));
        console.Line($"{output}: {engine.Layers.Count} layers ({precisions}), batch {engine.MinBatch} to {engine.MaxBatch}, weights {StageText.Bytes(engine.WeightBytes)}, activations {StageText.Bytes(engine.ActivationBytes)}");
        if (verbose) LayerInfoText.Draw(console, engine.Layers);
    }
}
