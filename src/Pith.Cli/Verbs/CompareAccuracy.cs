using Pith.Cli.Reporting;
using Pith.Compression.Data;

namespace Pith.Cli.Verbs;

/// <summary><c>pith compare --accuracy A B --data SPEC</c>: both networks on the same labelled images.</summary>
internal static class CompareAccuracy
{
    private const int Batch = 32;

    /// <summary>Evaluates both networks and shows how they differ.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PithException">A network cannot be loaded, or does not fit the data or the other network.</exception>
    public static int Run(StagedModel first, StagedModel second, string data, Preprocessing? preprocess, InputSize? size, int threads, Terminal terminal, CancellationToken cancellation)
    {
        var result = terminal.Track(events =>
        {
            var dataset = DatasetCatalog.Open(data, events);
            // By estimate: which of two equally fast kernels wins a race must not change a float network's score.
            var options = new EngineOptions { MaxBatch = Math.Min(Batch, dataset.Count), Threads = threads, TimeTactics = false };
            using var a = first.OpenEngine(options, events, size);
            using var b = second.OpenEngine(options, events, size);
            using var contextOfA = a.CreateContext(threads);
            using var contextOfB = b.CreateContext(threads);
            return PairedEvaluation.Run((contextOfA, PreprocessingCatalog.Of(a.Metadata, dataset, preprocess)), (contextOfB, PreprocessingCatalog.Of(b.Metadata, dataset, preprocess)), dataset,
                new EvaluationOptions { Task = "compare", Events = events, Cancellation = cancellation });
        });
        terminal.Result(PairedReport.Json(result, first.ToString(), second.ToString(), data), console => PairedReport.Draw(console, result, first.ToString(), second.ToString(), data));
        foreach (var (model, accuracy) in ((StagedModel, TopKAccuracy)[])[(first, result.First), (second, result.Second)])
        {
            if (accuracy.WhollyNonFinite < accuracy.Count) continue;
            terminal.Error($"Every output of '{model.Model}' is NaN or infinite for all {accuracy.Count} images: this is not an accuracy. Look at the network's values with pith compare {model.Model}@interpreter, or at its inputs (--preprocess).");
            return Program.Failed;
        }
        return Program.Done;
    }
}
