using System.Globalization;
using Pith.Compression.Data;
using Pith.Compression.Distribution;

namespace Pith.Compression.Recipes;

/// <summary>The calibration images of a step: drawn from the training data, without those that validate.</summary>
internal static class DrawnImages
{
    // Small, because every observed activation of a batch is alive at once; no result depends on it.
    private const int BatchSize = 16;

    // Fewer say nothing about a loss of a few points; more than the larger number take long for each network that is measured.
    private const int FewestOthers = 50;
    private const int MostOthers = 4096;

    /// <summary>Draws them, and notes the preprocessing in the metadata of <paramref name="graph"/>.</summary>
    /// <param name="graph">The network that they are for.</param>
    /// <param name="samples">How many; all of them, with a warning, where there are fewer.</param>
    /// <param name="seed">Which ones.</param>
    /// <param name="context">The data.</param>
    /// <exception cref="PithException">There is no training data, or it does not fit the network.</exception>
    public static CalibrationData For(Graph graph, int samples, int seed, StepContext context)
    {
        var dataset = context.RequireTrainingData();
        var input = INetworkInputs.Of(graph);
        var preprocessing = context.PreprocessingOf(graph, dataset);
        var taken = Math.Min(samples, dataset.Count);
        if (taken < samples) context.Events?.Report(new Warning($"'{dataset.Name}' has {dataset.Count} samples: all of them calibrate, instead of {samples} (samples)."));
        var drawn = new DatasetSubset(dataset, DataSplit.Draw(dataset, taken, seed));
        var batch = input.FixedBatch ?? Math.Min(BatchSize, drawn.Count);
        var loader = input.Load(graph.Name, drawn, preprocessing, new BatchLoaderOptions { BatchSize = batch });
        ChanceLevel.Report(graph, drawn, preprocessing, context.Threads, context.Events);
        GroupAgreement.Require(context.Group, () => [("calibration set", string.Create(CultureInfo.InvariantCulture, $"{dataset.Name} {dataset.Count} {preprocessing.ToJson()}; labels: {string.Join(' ', Enumerable.Range(0, drawn.Count).Select(drawn.Label))}"))]);
        return new CalibrationData(loader.Epoch(), taken, batch, dataset.ClassNames.Count, context.Threads) { Group = context.Group };
    }

    /// <summary>Images that <see cref="For"/> does not draw, to judge by; at most 4096.</summary>
    /// <param name="dataset">The training data.</param>
    /// <param name="samples">How many calibrate.</param>
    /// <param name="seed">Which ones.</param>
    /// <exception cref="PithException">Too few are left.</exception>
    public static ImageDataset NotDrawn(ImageDataset dataset, int samples, int seed)
    {
        if (dataset.Count - samples < FewestOthers)
            throw new PithException($"A search decides by images that do not calibrate; of the {dataset.Count} in '{dataset.Name}' {samples} calibrate, which leaves {Math.Max(0, dataset.Count - samples)}. Expected at least {FewestOthers}: give validation images (--validation, 'validation' in a recipe's 'data'), more images, or fewer samples.");
        return new DatasetSubset(dataset, [.. DataSplit.Draw(dataset, Math.Min(dataset.Count, samples + MostOthers), seed).Skip(samples)]);
    }
}
