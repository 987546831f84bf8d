using System.Globalization;
using Pith.Compression.Data;

namespace Pith.Compression.Evaluation;

/// <summary>An accuracy that is no better than guessing: of a trained network it says that its images are preprocessed in another way than it was trained with.</summary>
internal static class ChanceLevel
{
    // With fewer images a good network may look like a guess.
    private const int FewestImages = 50;

    private const int TriedImages = 100;

    private const int BatchSize = 16;

    /// <summary>Warns where an accuracy is what guessing gives, and says which preprocessing does better.</summary>
    /// <param name="context">The network; it is run again.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="accuracy">What came out.</param>
    /// <param name="events">Receives the <see cref="Warning"/>.</param>
    public static void Report(EngineContext context, ImageDataset dataset, TopKAccuracy accuracy, IProgress<PithEvent> events)
    {
        var signature = ClassifierSignature.Of(context.Engine);
        if (!IsGuess(accuracy, signature.Classes)) return;
        var guessed = string.Create(CultureInfo.InvariantCulture, $"'{signature.Model}' has {accuracy.Top1Correct} of {accuracy.Count} {(signature.Input is ImageInput ? "images" : "samples")} right, as many as guessing one of {signature.Classes} classes. A network that was not trained does so; of one that was,");
        if (signature.Input is not ImageInput)
        {
            events.Report(new Warning($"{guessed} the tokenizer, the mask or the order of classes is another."));
            return;
        }
        var better = PreprocessingCatalog.All.Select(preset => (preset.Name, Accuracy: With(preset.Value, context, dataset))).Where(tried => tried.Accuracy is { } score && !IsGuess(score, signature.Classes)).OrderByDescending(tried => tried.Accuracy!.Top1).FirstOrDefault();
        var advice = better.Accuracy is { } found ? string.Create(CultureInfo.InvariantCulture, $"--preprocess {better.Name} has {found.Top1Correct} of {found.Count} right.") : "See --preprocess.";
        events.Report(new Warning($"{guessed} the preprocessing or the order of classes is another. {advice}"));
    }

    /// <summary>The same for a network whose images are to calibrate it: looks at some of them, if they have labels that fit the network.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="preprocessing">How they become the network's input.</param>
    /// <param name="threads">Threads of a run.</param>
    /// <param name="events">Receives the <see cref="Warning"/>; null: nothing is done.</param>
    public static void Report(Graph graph, ImageDataset dataset, Preprocessing preprocessing, int threads, IProgress<PithEvent>? events)
    {
        if (events is null || !dataset.HasLabels || dataset.Count < FewestImages) return;
        try
        {
            using var engine = EngineBuilder.Build(graph, new EngineOptions { MaxBatch = BatchSize, Threads = threads, TimeTactics = false });
            using var context = engine.CreateContext();
            if (With(preprocessing, context, dataset) is { } accuracy) Report(context, dataset, accuracy, events);
        }
        catch (PithException)
        {
            // Not a classifier: there is no accuracy to look at.
        }
    }

    private static bool IsGuess(TopKAccuracy accuracy, int classes) => accuracy.Count >= FewestImages && classes > 1 && ConfidenceInterval.Wilson(accuracy.Top1Correct, accuracy.Count).Low <= 1.0 / classes;

    /// <summary>The accuracy on some of the images, spread over all of them; null where the network does not take them so.</summary>
    private static TopKAccuracy? With(Preprocessing preprocessing, EngineContext context, ImageDataset dataset)
    {
        var count = Math.Min(TriedImages, dataset.Count);
        var some = new DatasetSubset(dataset, [.. Enumerable.Range(0, count).Select(i => (int)((long)i * dataset.Count / count))]);
        try
        {
            var accuracy = new TopKAccuracy();
            foreach (var image in new ClassifierRun(context, some, preprocessing).Batches(CancellationToken.None).SelectMany(batch => batch)) accuracy.Add(image.Scores.Span, image.Label);
            return accuracy;
        }
        catch (PithException)
        {
            return null;
        }
    }
}
