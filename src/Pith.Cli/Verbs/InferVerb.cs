using System.CommandLine;
using Pith.Cli.Reporting;
using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary><c>pith infer</c>: runs a network or plan once, on tensors from files.</summary>
internal sealed class InferVerb : Verb
{
    private readonly Argument<string> _model = new("model") { Description = EngineFile.Help };
    private readonly Option<string[]> _input = new("--input", "-i") { Description = InputFiles.Help, HelpName = "name=file", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> _output = new("--output", "-o") { Description = "Where to write the outputs: a file that ends in .npz gets all of them by name, a folder one .npy for each.", HelpName = "path" };
    private readonly Option<bool> _engine = new("--engine") { Description = "Run the fast engine, kernels chosen by estimate (the default)." };
    private readonly Option<bool> _reference = new("--reference") { Description = "Run the fused layers of the engine as plain loops." };
    private readonly Option<bool> _interpreter = new("--interpreter") { Description = "Run every op of the graph as plain loops: the specification, and slow." };
    private readonly Option<int?> _batch = new("--batch") { Description = "The largest batch that the engine is built for. Default: the batch of the data.", HelpName = "n" };
    private readonly Option<InputSize?> _size = CommonOptions.Size();
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<bool> _bf16 = CommonOptions.Bf16();

    public override string Name => "infer";

    public override string Summary => "Runs a network on tensors from files: any number of inputs and outputs, any element type.";

    public override IReadOnlyList<string> Examples =>
    [
        "pith infer net.onnx --input x=x.npy",
        "pith infer net.onnx --input images=images.npy mask=mask.pb --output results.npz",
        "pith infer net-int8.plan --input inputs.npz --output folder --json",
        "pith infer net.onnx --input test_data_set_0 --interpreter",
    ];

    protected override IEnumerable<Symbol> Symbols => [_model, _input, _output, _engine, _reference, _interpreter, _batch, _size, _threads, _bf16];

    public override void Declare(Command command)
    {
        base.Declare(command);
        _output.Validators.Add(result =>
        {
            if (result.Tokens is not [var token]) return;
            if (string.IsNullOrWhiteSpace(token.Value)) result.AddError("--output needs the name of a file that ends in .npz or of a folder, got nothing.");
            else if (TensorFile.IsArchive(token.Value) ? Directory.Exists(token.Value) : File.Exists(token.Value)) result.AddError($"--output needs a file that ends in .npz or a folder; '{token.Value}' is neither.");
        });
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var model = arguments.GetRequiredValue(_model);
        var runner = RunnerName(arguments);
        var outputs = EngineFile.IsPlan(model) ? RunPlan(model, runner, arguments, terminal) : RunNetwork(model, runner, arguments, terminal);
        cancellation.ThrowIfCancellationRequested();
        var files = arguments.GetValue(_output) is { } path ? OutputFiles.Write(path, outputs) : null;
        var summaries = outputs.Select((output, i) => TensorSummary.Of(output.Name, output.Tensor, files?[i])).ToArray();
        terminal.Result(new { Model = model, Runner = runner, Outputs = summaries }, console =>
        {
            TensorSummary.Draw(console, summaries);
            if (files is not null) console.Line($"written to {string.Join(", ", files.Distinct())}");
        });
        return Program.Done;
    }

    private string RunnerName(ParseResult arguments)
    {
        Option<bool>[] chosen = [.. new[] { _engine, _reference, _interpreter }.Where(option => arguments.GetValue(option))];
        if (chosen.Length > 1) throw new UsageException($"{chosen[0].Name} and {chosen[1].Name} do not go together: the network is run once.");
        var runner = chosen.Length == 0 ? _engine : chosen[0];
        if (runner != _engine && arguments.GetValue(_bf16)) throw new UsageException($"{_bf16.Name} is for the engine; {runner.Name} computes in full precision.");
        if (runner == _interpreter && arguments.GetValue(_batch) is not null) throw new UsageException($"{_batch.Name} is for engines; the interpreter runs the data as it is.");
        return runner.Name[2..];
    }

    private IReadOnlyList<(string Name, Tensor Tensor)> RunNetwork(string model, string name, ParseResult arguments, Terminal terminal)
    {
        var size = arguments.GetValue(_size);
        var fed = Feed(model, size, arguments.GetValue(_input) ?? []);
        if (fed.Bound.Count > 0) terminal.Note($"Taken as constants, because they decide shapes: {string.Join(", ", fed.Bound)}.");
        var options = new EngineOptions { MaxBatch = LargestBatch(arguments, [.. fed.Graph.Inputs.Select(input => (input.Name, input.Type))], fed.Inputs), Threads = arguments.GetValue(_threads), Bf16 = arguments.GetValue(_bf16) };
        using var runner = name switch
        {
            "interpreter" => NetworkRunner.Interpreter(),
            "reference" => NetworkRunner.Reference(options),
            _ => NetworkRunner.Engine(options),
        };
        return [.. fed.Graph.Outputs.Select(output => output.Name).Zip(runner.Run(fed))];
    }

    private static FedGraph Feed(string model, InputSize? size, IReadOnlyList<string> given)
    {
        if (File.Exists(model))
        {
            var import = ModelFile.ImportOptions(model, size);
            return FedGraph.Load(model, InputFiles.Read(OnnxModel.ReadInputs(model, import), given), import);
        }
        var graph = ModelFile.Load(model, size);
        return new FedGraph(graph, InputFiles.Read([.. graph.Inputs.Select(input => (input.Name, input.Type))], given), []);
    }

    private IReadOnlyList<(string Name, Tensor Tensor)> RunPlan(string model, string runner, ParseResult arguments, Terminal terminal)
    {
        if (runner != "engine") throw new UsageException($"A plan is an engine; --{runner} needs the ONNX file that it was built from.");
        if (arguments.GetValue(_bf16)) throw new UsageException($"A plan keeps the arithmetic that it was built for: {_bf16.Name} is an option of pith build.");
        if (arguments.GetValue(_batch) is not null) throw new UsageException($"A plan keeps the batches that it was built for: {_batch.Name} is an option of pith build.");
        using var engine = terminal.Track(events => Engine.Load(model, events: events));
        arguments.GetValue(_size)?.Bind(model, engine.Inputs);
        var tensors = InputFiles.Read(engine.Inputs, arguments.GetValue(_input) ?? []);
        var batch = PlanBatch(model, engine, tensors);
        using var context = engine.CreateContext(arguments.GetValue(_threads));
        for (var i = 0; i < tensors.Count; i++) context.SetInput(engine.Inputs[i].Name, tensors[i]);
        context.Run(batch);
        return [.. engine.Outputs.Select(output => (output.Name, context.OutputTensor(output.Name)))];
    }

    /// <summary>The batch of the data, which the plan must have been built for.</summary>
    private static int PlanBatch(string model, Engine engine, IReadOnlyList<Tensor> tensors)
    {
        // A plan for one batch has it as a number: opened, the other sizes are checked first.
        var inputs = engine.Inputs.Select(input => (input.Name, input.Type is { Rank: > 0 } type && type[0] == engine.MaxBatch ? type.With([Dim.Named("N"), .. type.Dims.Skip(1)]) : input.Type)).ToArray();
        var sizes = SymbolSizes.Of(inputs, tensors);
        var batch = SymbolSizes.Batch(inputs) is { } symbol ? sizes[symbol] : engine.MaxBatch;
        var (low, high) = SymbolSizes.Batch(engine.Inputs) is null ? (engine.MaxBatch, engine.MaxBatch) : (engine.MinBatch, engine.MaxBatch);
        if (batch < low || batch > high) throw new PithException($"'{model}' runs batches of {low}{(high > low ? $" to {high}" : "")}, the data has {batch}. Build it for that batch, if the network takes others: pith build --batch {batch}.");
        return batch;
    }

    private int LargestBatch(ParseResult arguments, IReadOnlyList<(string Name, TensorType Type)> inputs, IReadOnlyList<Tensor> tensors)
    {
        var data = SymbolSizes.Of(inputs, tensors) is var sizes && SymbolSizes.Batch(inputs) is { } symbol ? sizes[symbol] : 1;
        if (arguments.GetValue(_batch) is not { } batch) return Math.Max(1, data);
        return CommonOptions.Require(_batch.Name, batch, 1, 4096) >= data ? batch : throw new UsageException($"{_batch.Name} is the largest batch of the engine; the data has a batch of {data}, more than {batch}.");
    }
}
