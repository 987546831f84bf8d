using System.Globalization;
using Pith.Compression.Data;

namespace Pith.Compression.Evaluation;

/// <summary>An accuracy that is no better than guessing: of a trained network it says that its images are preprocessed in another way than it was trained with.</summary>
internal static class ChanceLevel
{
    // With fewer images a good network may look like a guess.
    private const int FewestImages = 50;

    private const int TriedImages = 100;

    /// <summary>Warns where an accuracy is what guessing gives, and says which preprocessing does better.</summary>
    /// <param name="context">The network; it is run again.</param>
    /// <param name="dataset">The images.</param>
    /// <param name="accuracy">What came out.</param>
    /// <param name="events">Receives the <see cref="Warning"/>.</param>
    public static void Report(EngineContext context, ImageDataset dataset, TopKAccuracy accuracy, IProgress<PithEvent> events)
    {
        var signature = ClassifierSignature.Of(context.Engine);
        if (!IsGuess(accuracy, signature.Classes)) return;
        var better = PreprocessingCatalog.All.Select(preset => (preset.Name, Accuracy: With(preset.Value, context, dataset))).Where(tried => tried.Accuracy is { } score && !IsGuess(score, signature.Classes)).OrderByDescending(tried => tried.Accuracy!.Top1).FirstOrDefault();
        var advice = better.Accuracy is { } found ? string.Create(CultureInfo.InvariantCulture, $"--preprocess {better.Name} has {found.Top1Correct} of {found.Count} right.") : "See --preprocess.";
        events.Report(new Warning(string.Create(CultureInfo.InvariantCulture,
            $"'{signature.Model}' has {accuracy.Top1Correct} of {accuracy.Count} images right, as many as guessing one of {signature.Classes} classes. A network that was not trained does so; of one that was, the preprocessing or the order of classes is another. {advice}")));
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
