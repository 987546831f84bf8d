using Pith.Compression.Data;

namespace Pith.Compression.Evaluation;

/// <summary>What two classifiers made of the images of one class.</summary>
/// <param name="Label">The class.</param>
/// <param name="Name">Its name in the dataset.</param>
/// <param name="Count">Its images.</param>
/// <param name="FirstCorrect">Images that the first gets right.</param>
/// <param name="SecondCorrect">Images that the second gets right.</param>
public sealed record ClassChange(int Label, string Name, int Count, int FirstCorrect, int SecondCorrect)
{
    /// <summary>Images that the second gets right more often than the first; negative when it loses.</summary>
    public int Change => SecondCorrect - FirstCorrect;
}

/// <summary>Two classifiers on the same images: how accurate each is, how often they agree, how far their scores are apart, and which classes changed.</summary>
public sealed record PairedEvaluation
{
    /// <summary>The first model, the reference.</summary>
    public required TopKAccuracy First { get; init; }

    /// <summary>The second model.</summary>
    public required TopKAccuracy Second { get; init; }

    /// <summary>Outputs of either.</summary>
    public required int Classes { get; init; }

    /// <summary>Images by who is right, interval and test.</summary>
    public required PairedComparison Comparison { get; init; }

    /// <summary>The second model's scores against those of the first.</summary>
    public required SignalComparison Scores { get; init; }

    /// <summary>Every class that has images, by label.</summary>
    public required IReadOnlyList<ClassChange> ByClass { get; init; }

    /// <summary>Runs both models over a dataset, each with its own preprocessing.</summary>
    /// <param name="first">The reference, with its preprocessing.</param>
    /// <param name="second">The other model.</param>
    /// <param name="dataset">Labelled images.</param>
    /// <param name="options">Progress and cancellation; batch and threads are those of the contexts.</param>
    /// <exception cref="PithException">A model does not fit the data, or both differ in their number of classes.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public static PairedEvaluation Run((EngineContext Context, Preprocessing Preprocessing) first, (EngineContext Context, Preprocessing Preprocessing) second, ImageDataset dataset, EvaluationOptions options)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(options);
        var runs = (First: new ClassifierRun(first.Context, dataset, first.Preprocessing), Second: new ClassifierRun(second.Context, dataset, second.Preprocessing));
        var classes = runs.First.Signature.Classes;
        if (runs.Second.Signature.Classes != classes) throw new PithException($"Accuracies are compared image by image between models of the same task; '{runs.First.Signature.Model}' has {classes} classes, '{runs.Second.Signature.Model}' has {runs.Second.Signature.Classes}.");

        var accuracy = (First: new TopKAccuracy(), Second: new TopKAccuracy());
        var scores = new SignalComparison();
        var byClass = new ClassChange?[classes];
        // Batches of both may differ in size, so they are joined image by image.
        foreach (var (a, b) in Images(runs.First).Zip(Images(runs.Second)))
        {
            accuracy.First.Add(a.Scores.Span, a.Label);
            accuracy.Second.Add(b.Scores.Span, b.Label);
            scores.Add(a.Scores.Span, b.Scores.Span);
            var seen = byClass[a.Label] ?? new ClassChange(a.Label, dataset.ClassNames[a.Label], 0, 0, 0);
            byClass[a.Label] = seen with { Count = seen.Count + 1, FirstCorrect = seen.FirstCorrect + (accuracy.First.Correct[^1] ? 1 : 0), SecondCorrect = seen.SecondCorrect + (accuracy.Second.Correct[^1] ? 1 : 0) };
            options.Events?.Report(new ProgressMade(options.Task, accuracy.First.Count, dataset.Count));
        }
        runs.First.ReportNonFinite(accuracy.First, options.Events);
        runs.Second.ReportNonFinite(accuracy.Second, options.Events);
        // The second network is judged by the first one's accuracy, whose images it gets.
        if (options.Events is { } events) ChanceLevel.Report(first.Context, dataset, accuracy.First, events);
        return new PairedEvaluation { First = accuracy.First, Second = accuracy.Second, Classes = classes, Comparison = PairedComparison.Of(accuracy.First, accuracy.Second), Scores = scores, ByClass = [.. byClass.OfType<ClassChange>()] };

        IEnumerable<ScoredImage> Images(ClassifierRun run) => run.Batches(options.Cancellation).SelectMany(batch => batch);
    }
}
