using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>What post-training quantization and quantization-aware training begin with: observe activations, insert Q/DQ pairs around float weights.</summary>
internal static class CalibrateAndInsertQdq
{
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

        var data = DrawnImages.For(start, settings.Samples, settings.CalibrationSeed, context);
        var result = PostTrainingQuantization.Apply(start, settings, effort, data, context.Events, context.Cancellation, effort == QuantizationEffort.Fast ? null : Journal(start, settings, effort, context));
        var origin = new CalibrationCacheOrigin(ModelHash.Of(start), settings.Calibrator.ToString(), data.Samples);
        return Outcome(result, settings.ActivationForm == ActivationForm.Int8 ? result.ToCache(origin) : null);
    }

    /// <summary>What a run that was interrupted has left of the same work.</summary>
    internal static StepJournal Journal(Graph start, QuantizationSettings settings, QuantizationEffort effort, StepContext context) => context.OpenJournal(start, SettingsJson.Write(settings).ToJsonString(), $"{effort}");

    private static StepOutcome Outcome(FakeQuantizationResult result, CalibrationCache? cache) =>
        new(result.Graph) { Quantization = result.Layers, Findings = result.Findings, Cache = cache, Accuracy = result.Stages, Reconstruction = result.Reconstruction };
}
