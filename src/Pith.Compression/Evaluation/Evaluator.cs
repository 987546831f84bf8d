using System.Diagnostics;
using Pith.Compression.Data;
using Pith.Compression.Distribution;
using Pith.Compression.Quantization;

namespace Pith.Compression.Evaluation;

/// <summary>How <see cref="Evaluator"/> runs a network.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Images of one run; no result depends on it.</summary>
    public int Batch { get; init; } = 32;

    /// <summary>Threads; 0 means one per processor.</summary>
    public int Threads { get; init; }

    /// <summary>What the progress bar says.</summary>
    public string Task { get; init; } = "evaluate";

    /// <summary>Receives <see cref="ProgressMade"/> in images.</summary>
    public IProgress<PithEvent>? Events { get; init; }

    /// <summary>Stops the work between two batches.</summary>
    public CancellationToken Cancellation { get; init; }

    /// <summary>The processes that share the images; all get the whole result.</summary>
    internal ProcessGroup Group { get; init; } = ProcessGroup.Single;
}

/// <summary>Measures how well a classifier does on a dataset: top-1 and top-5, each image once; a short last batch is run as such and never padded into the score.</summary>
public static class Evaluator
{
    /// <summary>Builds an engine for <paramref name="graph"/> and evaluates it.</summary>
    /// <param name="graph">A classifier; not changed.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="preprocessing">How they become the network's input; of a network that takes bytes only the geometry, since it normalises them itself.</param>
    /// <param name="options">Batch, threads, progress.</param>
    /// <exception cref="PithException">Network and data do not fit each other, or an image cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static EvaluationResult Run(Graph graph, ImageDataset dataset, Preprocessing preprocessing, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(options);
        // By estimate: the score of a float network must not depend on which of two equally fast kernels won a race.
        using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = Math.Min(options.Batch, dataset.Count), Threads = options.Threads, TimeTactics = false });
        using var context = engine.CreateContext();
        return Run(context, dataset, preprocessing, options);
    }

    /// <summary>Evaluates an engine that exists, for example one that was loaded from a plan.</summary>
    /// <param name="context">The engine's context; <see cref="EvaluationOptions.Batch"/> and <see cref="EvaluationOptions.Threads"/> are those it was made with.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="preprocessing">How they become the network's input; of a network that takes bytes only the geometry, since it normalises them itself.</param>
    /// <param name="options">Progress and cancellation.</param>
    /// <exception cref="PithException">Network and data do not fit each other, or an image cannot be read.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static EvaluationResult Run(EngineContext context, ImageDataset dataset, Preprocessing preprocessing, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(options);
        var group = options.Group;
        GroupAgreement.Require(group, () => [("version of Pith", PithVersion.Text), ("network", $"{context.Engine.Name} {ModelHash.Of(context.Engine.ToGraph())}"), ("preprocessing", preprocessing.ToJson()), ("data", $"{dataset.Name} {dataset.Count} {string.Join(' ', Enumerable.Range(0, dataset.Count).Select(dataset.Label))}")]);
        var own = group.Size == 1 ? dataset : new DatasetSubset(dataset, [.. Enumerable.Range(0, dataset.Count).Where(image => image % group.Size == group.Rank)]);
        var run = new ClassifierRun(context, own.Count > 0 ? own : dataset, preprocessing);
        var accuracy = new TopKAccuracy();
        var clock = Stopwatch.StartNew();
        foreach (var batch in own.Count > 0 ? run.Batches(options.Cancellation) : [])
        {
            foreach (var image in batch) accuracy.Add(image.Scores.Span, image.Label);
            options.Events?.Report(new ProgressMade(options.Task, accuracy.Count, own.Count, $"top-1 {accuracy.Top1:P2}"));
        }
        if (group.Size > 1) accuracy = accuracy.Over(group, dataset.Count);
        run.ReportNonFinite(accuracy, options.Events);
        if (options.Events is { } events) ChanceLevel.Report(context, dataset, accuracy, events);
        return new EvaluationResult(accuracy, clock.Elapsed.TotalSeconds);
    }
}
