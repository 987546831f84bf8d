using Pith.Benchmarking;
using Pith.Compression.Data;

namespace Pith.Compression.Recipes;

/// <summary>Evaluates and times the stages of a recipe: accuracy one after the other, latency in turn.</summary>
internal sealed class StageMeasurement(Recipe recipe, ImageDataset test, RecipeRunOptions options)
{
    private const int EvaluationBatch = 32;
    private const int ProfileRuns = 10;

    /// <summary>What the engines of one stage showed.</summary>
    private sealed class EngineFindings
    {
        public List<StageLatency> Latency { get; } = [];

        public IReadOnlyList<LayerResult> Layers { get; set; } = [];

        public EngineExplanation? Explanation { get; set; }

        public long WeightBytes { get; set; }
    }

    /// <summary>Measures all stages; the first is what the others are compared with.</summary>
    /// <exception cref="PithException">There is no stage to report, or one does not fit the test data.</exception>
    public IReadOnlyList<StageResult> Measure(IReadOnlyList<Stage> stages)
    {
        if (stages.Count == 0) throw new PithException($"Recipe '{recipe.Name}' reports no stage: every step says \"report\": false.");
        var accuracies = stages.Select(Evaluate).ToArray();
        var findings = stages.Select(_ => new EngineFindings()).ToArray();
        foreach (var batch in recipe.Benchmark.Batches) Time(stages, batch, findings);
        return [.. stages.Select((stage, i) => Result(stage, accuracies[i], i == 0 ? null : PairedComparison.Of(accuracies[0].Accuracy, accuracies[i].Accuracy), findings[i]))];
    }

    private EvaluationResult Evaluate(Stage stage)
    {
        var result = Evaluator.Run(stage.Graph, test, PreprocessingCatalog.Of(stage.Graph.Metadata, test, recipe.Data.Preprocess), new EvaluationOptions
        {
            Batch = EvaluationBatch,
            Threads = options.Threads,
            Task = $"evaluate {stage.Name}",
            Events = options.Events,
            Cancellation = options.Cancellation,
        });
        options.Events?.Report(new StageEvaluated(stage.Name, result.Correct, result.Count));
        return result;
    }

    private void Time(IReadOnlyList<Stage> stages, int batch, EngineFindings[] findings)
    {
        var contexts = new List<EngineContext>();
        try
        {
            foreach (var stage in stages)
            {
                options.Cancellation.ThrowIfCancellationRequested();
                var engine = EngineBuilder.Build(stage.Graph, new EngineOptions { MaxBatch = batch, Threads = options.Threads });
                contexts.Add(engine.CreateContext());
            }
            var results = Benchmark.Run(contexts, recipe.Benchmark, $"time batch {batch}", options.Events, options.Cancellation);
            for (var i = 0; i < stages.Count; i++)
            {
                findings[i].Latency.Add(new StageLatency(results[i], results[0].MedianMs / results[i].MedianMs));
                if (findings[i].Latency.Count > 1) continue;
                findings[i].Layers = LayerProfile.Of(contexts[i], ProfileRuns);
                findings[i].Explanation = EngineExplanation.Of(contexts[i].Engine, findings[i].Layers, contexts[i].Threads);
                findings[i].WeightBytes = contexts[i].Engine.WeightBytes;
            }
        }
        finally
        {
            foreach (var context in contexts)
            {
                context.Dispose();
                context.Engine.Dispose();
            }
        }
    }

    private static StageResult Result(Stage stage, EvaluationResult accuracy, PairedComparison? comparison, EngineFindings findings) => new()
    {
        Name = stage.Name,
        Step = stage.Step,
        From = stage.From,
        Precision = findings.Layers.Any(layer => layer.Precision == "int8") ? "int8" : "float32",
        IsSparse = SparsityRecord.PrunedLayers(stage.Graph).Count > 0,
        Patterns = [.. SparsityRecord.Patterns(stage.Graph).Select(layer => layer.Pattern.ToString()).Distinct()],
        File = stage.File,
        FileBytes = new FileInfo(stage.File).Length,
        WeightBytes = findings.WeightBytes,
        Accuracy = accuracy,
        Comparison = comparison is null ? null : new StageComparison(comparison.Difference, comparison.Interval, comparison.AgreementRate),
        Latency = findings.Latency,
        Training = stage.Training,
        Layers = findings.Layers,
        Explanation = findings.Explanation is { SparseLayers: > 0 } explanation ? explanation : null,
        StepSeconds = stage.Seconds,
        WasKept = stage.WasKept,
    };
}
