using Pith.Compression.Data;
using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>What post-training quantization and quantization-aware training begin with: observe activations, insert Q/DQ pairs around float weights.</summary>
internal static class CalibrateAndInsertQdq
{
    // Small, because every observed activation of a batch is alive at once; no result depends on it.
    private const int BatchSize = 16;

    /// <summary>Calibrates a copy of <paramref name="graph"/>.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="simplify">The form to quantize: with batch norm folded, or kept.</param>
    /// <param name="settings">How.</param>
    /// <param name="effort">How much is done for accuracy; what is trained afterwards starts with <see cref="QuantizationEffort.Fast"/>.</param>
    /// <param name="context">The data; or a cache.</param>
    public static StepOutcome Apply(Graph graph, IReadOnlyList<Pass> simplify, QuantizationSettings settings, QuantizationEffort effort, StepContext context)
    {
        var start = FloatModel.CopyOf(graph, context.Stage, context.Events);
        PassRunner.RunToFixpoint(start, simplify, context.Events);
        SparsityRecord.Verify(start, "simplifying");
        if (context.Cache is { } cache) return Outcome(FakeQuantization.FromCache(start, settings, cache), cache);

        var dataset = context.RequireTrainingData();
        var input = ImageInput.Of(start);
        var preprocessing = input.Left(context.PreprocessingOf(start, dataset));
        var drawn = new DatasetSubset(dataset, DataSplit.Draw(dataset, settings.Samples, settings.CalibrationSeed));
        var batch = input.FixedBatch ?? Math.Min(BatchSize, drawn.Count);
        var loader = new BatchLoader(drawn, preprocessing, new BatchLoaderOptions { BatchSize = batch });
        input.RequireFit(start.Name, drawn, loader);
        var result = PostTrainingQuantization.Apply(start, settings, effort, new CalibrationData(loader.Epoch(), settings.Samples, batch, dataset.ClassNames.Count, context.Threads), context.Events, context.Cancellation);
        var origin = new CalibrationCacheOrigin(ModelHash.Of(start), settings.Calibrator.ToString(), settings.Samples);
        return Outcome(result, settings.ActivationForm == ActivationForm.Int8 ? result.ToCache(origin) : null);
    }

    private static StepOutcome Outcome(FakeQuantizationResult result, CalibrationCache? cache) =>
        new(result.Graph) { Quantization = result.Layers, Findings = result.Findings, Cache = cache, Accuracy = result.Stages, Reconstruction = result.Reconstruction };
}
