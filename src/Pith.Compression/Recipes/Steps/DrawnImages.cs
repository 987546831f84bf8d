using Pith.Compression.Data;

namespace Pith.Compression.Recipes;

/// <summary>The calibration images of a step: drawn from the training data, without those that validate.</summary>
internal static class DrawnImages
{
    // Small, because every observed activation of a batch is alive at once; no result depends on it.
    private const int BatchSize = 16;

    /// <summary>Draws them, and notes the preprocessing in the metadata of <paramref name="graph"/>.</summary>
    /// <param name="graph">The network that they are for.</param>
    /// <param name="samples">How many.</param>
    /// <param name="seed">Which ones.</param>
    /// <param name="context">The data.</param>
    /// <exception cref="PithException">There is no training data, or it does not fit the network.</exception>
    public static CalibrationData For(Graph graph, int samples, int seed, StepContext context)
    {
        var dataset = context.RequireTrainingData();
        var input = ImageInput.Of(graph);
        var preprocessing = input.Left(context.PreprocessingOf(graph, dataset));
        var drawn = new DatasetSubset(dataset, DataSplit.Draw(dataset, samples, seed));
        var batch = input.FixedBatch ?? Math.Min(BatchSize, drawn.Count);
        var loader = new BatchLoader(drawn, preprocessing, new BatchLoaderOptions { BatchSize = batch });
        input.RequireFit(graph.Name, drawn, loader);
        return new CalibrationData(loader.Epoch(), samples, batch, dataset.ClassNames.Count, context.Threads);
    }
}
