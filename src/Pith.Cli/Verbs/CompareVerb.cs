using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Pith.Compression;
using Pith.Compression.Data;
using Pith.Passes;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith compare</c>: two networks, or two ways of running one, tensor by tensor.</summary>
internal sealed class CompareVerb : Verb
{
    private const char StageSeparator = '@';

    private readonly Argument<string> _first = new("reference") { Description = "An ONNX file, a plan or a built-in network, with a stage if wanted: net.onnx@interpreter." };
    private readonly Argument<string?> _second = new("other") { Description = "What to compare with it. Default: the same network @engine.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _data = new("--data") { Description = "Images to run; default: seeded noise.", HelpName = "spec" };
    private readonly Option<string?> _preprocess = CommonOptions.Preprocess();
    private readonly Option<int> _count = new("--count") { Description = "Images to run.", HelpName = "n", DefaultValueFactory = _ => 4 };
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<double?> _minSnr = CommonOptions.Finite(new Option<double?>("--min-snr") { Description = "Fail (exit code 1) when an output's signal-to-noise ratio is below this many decibels.", HelpName = "dB" });
    private readonly Option<bool> _identical = new("--identical") { Description = "Fail (exit code 1) unless every tensor is equal, bit for bit." };

    public override string Name => "compare";

    public override string Summary => "Compares two networks, or two stages of one, tensor by tensor.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith compare net-int8.onnx@reference net-int8.onnx@engine --identical",
        "pith compare net.onnx net-int8.onnx --data cifar10:folder --count 32",
        "pith compare net.onnx net.plan --min-snr 60",
        "stages: @interpreter (the graph as it is), @simplified (after the passes), @literal (Q/DQ run in float), @reference (fused, plain loops), @engine (fused, fast; the default), @bf16 (the same, float layers in bfloat16)",
    ];

    public override void Declare(Command command)
    {
        command.Add(_first);
        command.Add(_second);
        command.Add(_data);
        command.Add(_preprocess);
        command.Add(_count);
        command.Add(_threads);
        command.Add(_minSnr);
        command.Add(_identical);
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var first = arguments.GetRequiredValue(_first);
        var second = arguments.GetValue(_second) ?? first.Split(StageSeparator)[0] + "@engine";
        var count = CommonOptions.Require("--count", arguments.GetValue(_count), 1, 1_000_000);
        var differences = terminal.Track(events =>
        {
            using var reference = Open(first, arguments.GetValue(_threads));
            using var other = Open(second, arguments.GetValue(_threads));
            var comparison = new TensorComparison(reference, other);
            var done = 0;
            foreach (var inputs in Inputs(reference, arguments.GetValue(_data), arguments.GetValue(_preprocess), first, count))
            {
                cancellation.ThrowIfCancellationRequested();
                comparison.Add(inputs);
                events.Report(new ProgressMade("compare", ++done, count));
            }
            return comparison.Differences;
        });
        if (differences.Count == 0) throw new PithException($"'{first}' and '{second}' have no tensor of the same name, type and shape in common, not even an output.");
        terminal.Result(new { Reference = first, Other = second, Images = count, Tensors = differences }, console => Draw(console, differences));
        return Passes(differences, arguments.GetValue(_minSnr), arguments.GetValue(_identical), terminal) ? Program.Done : Program.Failed;
    }

    private static NetworkTrace Open(string text, int threads)
    {
        var at = text.LastIndexOf(StageSeparator);
        var (model, stage) = at < 0 ? (text, "engine") : (text[..at], text[(at + 1)..]);
        var options = new EngineOptions { MaxBatch = 1, Threads = threads, TimeTactics = false };
        if (EngineFile.IsPlan(model)) return EngineTrace.Of(EngineFile.Open(model, options, null), threads);
        var graph = ModelFile.Load(model);
        switch (stage)
        {
            case "interpreter":
                return new InterpreterTrace(graph);
            case "simplified":
                PassRunner.RunToFixpoint(graph, Pipelines.Simplify);
                return new InterpreterTrace(graph);
            case "literal":
                return EngineTrace.Build(graph, options with { Literal = true });
            case "reference":
                return EngineTrace.Build(graph, options with { ReferenceOnly = true });
            case "engine":
                return EngineTrace.Build(graph, options);
            case "bf16":
                return EngineTrace.Build(graph, options with { Bf16 = true });
            default:
                throw new UsageException($"There is no stage '@{stage}'. Expected @interpreter, @simplified, @literal, @reference, @engine or @bf16.");
        }
    }

    private static IEnumerable<IReadOnlyList<Tensor>> Inputs(NetworkTrace trace, string? data, string? preprocess, string model, int count)
    {
        if (data is null) return Enumerable.Range(0, count).Select(seed => Noise(trace, seed));
        var dataset = DatasetCatalog.Open(data);
        if (dataset.Count < count) throw new PithException($"'{data}' has {dataset.Count} images, {count} were asked for (--count).");
        var metadata = EngineFile.IsPlan(model) ? new SortedDictionary<string, string>() : ModelFile.Load(model.Split(StageSeparator)[0]).Metadata;
        var input = ImageInput.Of(model, trace.Inputs);
        var loader = new BatchLoader(dataset, input.Left(PreprocessingCatalog.Of(metadata, dataset, preprocess)), new BatchLoaderOptions { BatchSize = 1 });
        return loader.Epoch().Take(count).Select(batch => (IReadOnlyList<Tensor>)[input.ToTensor(batch.ImagesInUse)]);
    }

    private static IReadOnlyList<Tensor> Noise(NetworkTrace trace, int seed)
    {
        var random = new Random(seed);
        return [.. trace.Inputs.Select(input =>
        {
            var tensor = Tensor.Zeros(input.Type.DataType, new Shape([.. input.Type.Dims.Select(dim => dim.IsFixed ? dim.Size : 1)]));
            if (tensor is Tensor<byte> bytes) random.NextBytes(bytes.Span);
            else if (tensor is Tensor<float> floats) foreach (ref var x in floats.Span) x = random.NextSingle() * 4 - 2;
            else throw new PithException($"Noise can be made for float and uint8 inputs only; '{input.Name}' is {input.Type}. Use --data.");
            return tensor;
        })];
    }

    private static bool Passes(IReadOnlyList<TensorDifference> differences, double? minSnr, bool identical, Terminal terminal)
    {
        if (identical && differences.FirstOrDefault(difference => difference.Different > 0) is { } unequal)
        {
            terminal.Error($"Not identical: the first difference is in '{unequal.Name}' ({unequal.Different} of {unequal.Count} elements, at most {unequal.MaxAbsoluteError:0.###e0}).");
            return false;
        }
        // The last tensor in execution order is an output.
        var output = differences[^1];
        if (minSnr is not { } wanted || output.SnrDecibels >= wanted) return true;
        terminal.Error(string.Create(CultureInfo.InvariantCulture, $"'{output.Name}' has a signal-to-noise ratio of {output.SnrDecibels:0.0} dB, below the {wanted} dB asked for."));
        return false;
    }

    private static void Draw(IAnsiConsole console, IReadOnlyList<TensorDifference> differences)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("tensor", "type");
        foreach (var title in (string[])["elements", "different", "largest error", "SNR dB", "cosine"]) table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var difference in differences)
        {
            string[] cells =
            [
                difference.Name, difference.Type, difference.Count.ToString(CultureInfo.InvariantCulture), difference.Different.ToString(CultureInfo.InvariantCulture),
                difference.MaxAbsoluteError.ToString("0.###e0", CultureInfo.InvariantCulture), double.IsInfinity(difference.SnrDecibels) ? "equal" : difference.SnrDecibels.ToString("0.0", CultureInfo.InvariantCulture),
                difference.Cosine.ToString("0.000000", CultureInfo.InvariantCulture),
            ];
            table.AddRow([.. cells.Select(Markup.Escape)]);
        }
        console.Write(table);
    }
}
