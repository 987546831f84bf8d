using System.CommandLine;
using System.Globalization;
using Pith.Cli.Reporting;
using Pith.Compression;
using Spectre.Console;

namespace Pith.Cli.Verbs;

/// <summary><c>pith bench</c>: latency and throughput of one network or plan, or of two in turn with their ratio.</summary>
internal sealed class BenchVerb : Verb
{
    private const int ProfileRuns = 20;

    private readonly Argument<string> _model = new("model") { Description = EngineFile.Help };
    private readonly Option<string?> _against = new("--against") { Description = "A second network or plan, timed in turn with the first; the ratio says how many times faster the first is.", HelpName = "model" };
    private readonly Option<int> _batch = CommonOptions.Batch(1);
    private readonly Option<int> _threads = CommonOptions.Threads();
    private readonly Option<double> _seconds = new("--seconds") { Description = "Seconds of timing for each engine.", HelpName = "s", DefaultValueFactory = _ => 3 };
    private readonly Option<double> _warmUp = new("--warm-up") { Description = "Seconds of running before timing begins.", HelpName = "s", DefaultValueFactory = _ => 0.2 };
    private readonly Option<int> _runs = new("--min-runs") { Description = "Fewest runs that are timed.", HelpName = "n", DefaultValueFactory = _ => 10 };
    private readonly Option<bool> _profile = new("--profile") { Description = "Also print the time of each layer, from runs of their own." };

    public override string Name => "bench";

    public override string Summary => "Measures latency and throughput; of two engines in turn, with the ratio.";

    public override IReadOnlyList<string> Examples => ["pith bench resnet50 --batch 8", "pith bench net-int8.onnx --against net.onnx", "pith bench net.plan --profile --json"];

    public override void Declare(Command command)
    {
        command.Add(_model);
        command.Add(_against);
        command.Add(_batch);
        command.Add(_threads);
        command.Add(_seconds);
        command.Add(_warmUp);
        command.Add(_runs);
        command.Add(_profile);
    }

    public override int Run(ParseResult arguments, Terminal terminal, CancellationToken cancellation)
    {
        var models = new[] { arguments.GetRequiredValue(_model), arguments.GetValue(_against) }.OfType<string>().ToArray();
        var batch = CommonOptions.Require("--batch", arguments.GetValue(_batch), 1, 4096);
        var settings = new BenchmarkSettings { Batches = [batch], Seconds = arguments.GetValue(_seconds), WarmUpSeconds = arguments.GetValue(_warmUp), MinRuns = arguments.GetValue(_runs) };
        var engines = new List<Engine>();
        var contexts = new List<ExecutionContext>();
        try
        {
            var (results, layers) = terminal.Track(events =>
            {
                foreach (var model in models)
                {
                    engines.Add(EngineFile.Open(model, new EngineOptions { MaxBatch = batch, Threads = arguments.GetValue(_threads) }, events));
                    contexts.Add(engines[^1].CreateContext(arguments.GetValue(_threads)));
                }
                var timed = Benchmark.Run(contexts, settings, "benchmark", events, cancellation);
                return (timed, arguments.GetValue(_profile) ? LayerProfile.Of(contexts[0], ProfileRuns) : null);
            });
            terminal.Result(Json(models, results, layers, contexts[0].Threads), console => Draw(console, models, results, layers));
        }
        finally
        {
            foreach (var context in contexts) context.Dispose();
            foreach (var engine in engines) engine.Dispose();
        }
        return Program.Done;
    }

    private static object Json(string[] models, IReadOnlyList<BenchmarkResult> results, IReadOnlyList<LayerResult>? layers, int threads)
    {
        var first = results[0];
        return new
        {
            Model = models[0],
            Threads = threads,
            first.Batch,
            first.Runs,
            first.MedianMs,
            first.MinMs,
            first.MeanMs,
            first.P90Ms,
            first.P95Ms,
            first.P99Ms,
            first.CoefficientOfVariation,
            first.ImagesPerSecond,
            Machine = MachineDescription.Text,
            Against = results.Count > 1 ? new { Model = models[1], Result = results[1] } : null,
            Ratio = results.Count > 1 ? results[1].MedianMs / first.MedianMs : (double?)null,
            Layers = layers,
        };
    }

    private static void Draw(IAnsiConsole console, string[] models, IReadOnlyList<BenchmarkResult> results, IReadOnlyList<LayerResult>? layers)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("model");
        foreach (var title in (string[])["batch", "median ms", "min", "mean", "p90", "p95", "p99", "cv", "images/s", "runs"]) table.AddColumn(new TableColumn(title).RightAligned());
        for (var i = 0; i < results.Count; i++)
        {
            var result = results[i];
            string[] cells = [Markup.Escape(models[i]), Text(result.Batch, "0"), Text(result.MedianMs), Text(result.MinMs), Text(result.MeanMs), Text(result.P90Ms), Text(result.P95Ms), Text(result.P99Ms), Text(result.CoefficientOfVariation, "0.0%"), Text(result.ImagesPerSecond, "0"), Text(result.Runs, "0")];
            table.AddRow(cells);
        }
        console.Write(table);
        if (results.Count > 1) console.MarkupLineInterpolated($"{models[0]} is {results[1].MedianMs / results[0].MedianMs:0.00} times as fast as {models[1]} (medians, timed in turn).");
        if (layers is not null) LayerTable.Draw(console, layers, results[0].Batch);
    }

    private static string Text(double number, string format = "0.000") => number.ToString(format, CultureInfo.InvariantCulture);
}
