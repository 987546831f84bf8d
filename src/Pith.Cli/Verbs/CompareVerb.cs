using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Pith.Compression.Data;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith compare</c>: two networks, or two ways of running one, tensor by tensor or by their accuracies; or one against expected outputs.</summary>
internal sealed class CompareVerb : Verb
{
    private readonly Argument<string> _first = new("reference") { Description = "An ONNX file, a plan or a built-in network, with a stage if wanted: net.onnx@literal. Default stage: @engine; @interpreter when no other network is given." };
    private readonly Argument<string?> _second = new("other") { Description = "What to compare with it. Default: the same network @engine.", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string?> _testData = new("--test-data") { Description = "Instead of another network: a folder with test_data_set_0, … (input_0.pb, …, output_0.pb, …), as ONNX's tests have them. Interpreter, reference kernels and engine run all data sets at the batch of the data; fails (exit code 1) when an output is not as expected.", HelpName = "folder" };
    private readonly Option<bool> _accuracy = new("--accuracy") { Description = "Instead of tensors: how well both networks classify the labelled images of --data. Top-1, the difference with its paired 95% interval, McNemar's exact test, agreement, and the classes that changed." };
    private readonly Option<double> _relative = CommonOptions.Finite(new Option<double>("--rtol") { Description = "With --test-data: relative part of the tolerance for floats. Integers must be equal, and NaN equals NaN.", HelpName = "x", DefaultValueFactory = _ => new Tolerance().Relative });
    private readonly Option<double> _absolute = CommonOptions.Finite(new Option<double>("--atol") { Description = "With --test-data: absolute part of the tolerance; floats may be off by atol + rtol * |expected|.", HelpName = "x", DefaultValueFactory = _ => new Tolerance().Absolute });
    private readonly Option<string> _data = CommonOptions.Data("Images to run; default: seeded noise.", required: false);
    private readonly Option<Preprocessing?> _preprocess = CommonOptions.Preprocess();
    private readonly Option<int> _count = new("--count") { Description = "Images to run. A network of fixed batch runs whole batches.", HelpName = "n", DefaultValueFactory = _ => 4 };
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<double?> _minSnr = CommonOptions.Finite(new Option<double?>("--min-snr") { Description = "Fail (exit code 1) when an output's signal-to-noise ratio is below this many decibels, or the other network does not have it.", HelpName = "dB" });
    private readonly Option<bool> _identical = new("--identical") { Description = "Fail (exit code 1) unless every tensor is equal, bit for bit, and both networks have the same tensors; tensors that one side computes only inside a fused layer are ignored." };

    public override string Name => "compare";

    public override string Summary => "Compares two networks, or two stages of one: tensor by tensor, or their accuracies image by image; or checks one against expected outputs.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith compare net-int8.onnx@reference net-int8.onnx@engine --identical",
        "pith compare net.onnx net-int8.onnx --data cifar10:folder --count 32",
        "pith compare net.onnx net.plan --min-snr 60",
        "pith compare --accuracy net.onnx net-int8.onnx --data \"imagefolder:images?not-every=5\"",
        "pith compare --accuracy net-int8.onnx net-qat.plan --data cifar10:folder --json",
        "pith compare model.onnx --test-data folder",
        $"stages: {string.Join(", ", StagedModel.Stages.Select(stage => $"@{stage.Name} ({stage.Meaning})"))}",
    ];

    protected override IEnumerable<Symbol> Symbols => [_first, _second, _accuracy, _testData, _relative, _absolute, _data, _preprocess, _count, _size, _threads, _minSnr, _identical];

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        if (arguments.GetValue(_accuracy)) return Accuracies(arguments, terminal, cancellation);
        if (arguments.GetValue(_testData) is { } folder) return AgainstTestData(folder, arguments, terminal, cancellation);
        foreach (var option in (Option[])[_relative, _absolute])
            if (IsGiven(option, arguments)) throw new UsageException($"{option.Name} belongs to {_testData.Name}.");
        var (first, second) = Pair(arguments);
        var count = CommonOptions.Require("--count", arguments.GetValue(_count), 1, 1_000_000);
        var comparison = terminal.Track(events => Compare(first, second, count, arguments, events, cancellation));
        var (differences, unpaired) = (comparison.Differences, comparison.Unpaired);
        if (differences.Count == 0) throw new PithException($"'{first}' and '{second}' have no tensor of the same name, type and shape in common, not even an output.");
        terminal.Result(new { Reference = first.ToString(), Other = second.ToString(), Images = count, Tensors = differences, Unpaired = unpaired }, console => Draw(console, differences, unpaired));
        return Passes(differences, unpaired, arguments, terminal) ? Program.Done : Program.Failed;
    }

    private int Accuracies(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        foreach (var option in (Option[])[_testData, _relative, _absolute, _count, _minSnr, _identical])
            if (IsGiven(option, arguments)) throw new UsageException($"{option.Name} does not go with {_accuracy.Name}, which judges both networks on all images of {_data.Name}.");
        if (arguments.GetValue(_second) is not { } second) throw new UsageException($"{_accuracy.Name} compares two networks: pith compare {_accuracy.Name} A B {_data.Name} …");
        if (arguments.GetValue(_data) is not { } data) throw new UsageException($"{_accuracy.Name} needs labelled images: {_data.Name} …");
        return CompareAccuracy.Run(StagedModel.Parse(arguments.GetRequiredValue(_first)), StagedModel.Parse(second), data, arguments.GetValue(_preprocess), arguments.GetValue(_size), arguments.GetValue(_threads), terminal, cancellation);
    }

    /// <summary>What is compared with what. One network alone: what it says, with what the engine makes of it.</summary>
    private (StagedModel First, StagedModel Second) Pair(ParseResult arguments)
    {
        var text = arguments.GetRequiredValue(_first);
        if (arguments.GetValue(_second) is { } other) return (StagedModel.Parse(text), StagedModel.Parse(other));
        var first = StagedModel.Parse(text, StagedModel.LiteralReading);
        if (EngineFile.IsPlan(first.Model)) throw new UsageException($"With what should '{first.Model}' be compared? A plan is an engine and nothing else: name another network, such as the ONNX file that it was built from.");
        return (first, first with { Stage = StagedModel.DefaultStage });
    }

    private int AgainstTestData(string folder, ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        foreach (var option in (Option[])[_data, _preprocess, _count, _minSnr, _identical])
            if (IsGiven(option, arguments)) throw new UsageException($"{option.Name} does not go with {_testData.Name}, which brings inputs and expected outputs.");
        if (arguments.GetValue(_second) is { } second) throw new UsageException($"{_testData.Name} compares one network with expected outputs; remove '{second}'.");
        var tolerance = new Tolerance(CommonOptions.Require(_absolute.Name, arguments.GetValue(_absolute), 0, double.MaxValue), CommonOptions.Require(_relative.Name, arguments.GetValue(_relative), 0, double.MaxValue));
        return CompareTestData.Run(arguments.GetRequiredValue(_first), folder, arguments.GetValue(_size), arguments.GetValue(_threads), tolerance, terminal, cancellation);
    }

    private TensorComparison Compare(StagedModel first, StagedModel second, int count, ParseResult arguments, IProgress<PithEvent> events, CancellationToken cancellation)
    {
        using var reference = first.Open(arguments.GetValue(_threads), arguments.GetValue(_size));
        using var other = second.Open(arguments.GetValue(_threads), arguments.GetValue(_size));
        var comparison = new TensorComparison(reference, other);
        var done = 0;
        foreach (var inputs in Inputs(reference, first, count, arguments, events))
        {
            cancellation.ThrowIfCancellationRequested();
            comparison.Add(inputs);
            done = Math.Min(count, done + (inputs is [{ Shape.Rank: > 0 } input, ..] ? input.Shape[0] : 1));
            events.Report(new ProgressMade("compare", done, count));
        }
        return comparison;
    }

    private IEnumerable<IReadOnlyList<Tensor>> Inputs(NetworkTrace reference, StagedModel first, int count, ParseResult arguments, IProgress<PithEvent> events)
    {
        if (arguments.GetValue(_data) is not { } data) return CompareInputs.Noise(reference, count);
        var dataset = DatasetCatalog.Open(data, events);
        return CompareInputs.Images(reference, dataset, PreprocessingCatalog.Of(first.Metadata(arguments.GetValue(_size)), dataset, arguments.GetValue(_preprocess)), first.Model, count);
    }

    private bool Passes(IReadOnlyList<TensorDifference> differences, IReadOnlyList<UnpairedTensor> unpaired, ParseResult arguments, Terminal terminal)
    {
        if (arguments.GetValue(_identical))
        {
            if (differences.FirstOrDefault(difference => difference.Different > 0) is { } unequal)
            {
                if (unequal.OtherType is { } type) terminal.Error($"Not identical: '{unequal.Name}': it is {unequal.Type} in the reference and {type} in the other network.");
                else terminal.Error(string.Create(CultureInfo.InvariantCulture, $"Not identical: the first difference is in '{unequal.Name}' ({unequal.Different} of {unequal.Count} elements, at most {unequal.MaxAbsoluteError:0.###e0})."));
                return false;
            }
            if (unpaired.Count > 0)
            {
                terminal.Error($"Not identical: {unpaired.Count} tensors have no partner, first '{unpaired[0].Name}': {unpaired[0].Reason}.");
                return false;
            }
        }
        if (arguments.GetValue(_minSnr) is not { } wanted) return true;
        if (unpaired.FirstOrDefault(tensor => tensor.IsOutput) is { } missing)
        {
            terminal.Error($"The output '{missing.Name}' cannot be compared: {missing.Reason}.");
            return false;
        }
        // NaN is below everything.
        if (differences.FirstOrDefault(difference => difference.IsOutput && !(difference.SnrDecibels >= wanted)) is not { } low) return true;
        terminal.Error(string.Create(CultureInfo.InvariantCulture, $"'{low.Name}' has a signal-to-noise ratio of {low.SnrDecibels:0.0} dB, below the {wanted} dB asked for."));
        return false;
    }

    private static bool IsGiven(Option option, ParseResult arguments) => arguments.GetResult(option) is { Implicit: false };

    private static void Draw(IAnsiConsole console, IReadOnlyList<TensorDifference> differences, IReadOnlyList<UnpairedTensor> unpaired)
    {
        const int Shown = 10;
        var table = new Table().Border(TableBorder.Simple).AddColumns("tensor", "type");
        foreach (var title in (string[])["elements", "different", "largest error", "SNR dB", "cosine"]) table.AddColumn(new TableColumn(title).RightAligned());
        foreach (var difference in differences)
        {
            string[] cells =
            [
                difference.Name, difference.OtherType is { } other ? $"{difference.Type} and {other}" : difference.Type, difference.Count.ToString(CultureInfo.InvariantCulture), difference.Different.ToString(CultureInfo.InvariantCulture),
                difference.MaxAbsoluteError.ToString("0.###e0", CultureInfo.InvariantCulture), double.IsInfinity(difference.SnrDecibels) ? "equal" : difference.SnrDecibels.ToString("0.0", CultureInfo.InvariantCulture),
                difference.Cosine.ToString("0.000000", CultureInfo.InvariantCulture),
            ];
            table.AddRow([.. cells.Select(SafeText.Cell)]);
        }
        console.Write(table);
        foreach (var tensor in unpaired.Take(Shown)) console.Line($"not compared: {(tensor.IsOutput ? "output " : "")}'{tensor.Name}', because {tensor.Reason}");
        if (unpaired.Count > Shown) console.Line($"… and {unpaired.Count - Shown} more");
    }
}
