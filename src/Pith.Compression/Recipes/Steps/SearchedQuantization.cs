using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pith.Compression.Recipes;

/// <summary>Post-training quantization with a limit on what it may cost: quantizes, searches the layers to keep in float, and times the front.</summary>
internal static class SearchedQuantization
{
    /// <summary>The metadata key: what was searched for and found, as JSON.</summary>
    public const string MetadataKey = "pith.quantization.search";

    private static readonly JsonSerializerOptions s_compact = new(SettingsJson.Options) { WriteIndented = false };

    /// <summary>Applies the step.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="step">The step; its search has a target.</param>
    /// <param name="context">The data, and where trials are saved.</param>
    /// <exception cref="PithException">The settings, network and data do not fit each other, or saved trials belong to something else.</exception>
    public static StepOutcome Apply(Graph graph, QuantizeStep step, StepContext context)
    {
        var settings = step.Quantization;
        var setup = SearchSetup.Of(graph, settings, step.Search.Metric, context);
        var (start, data) = (setup.Float, setup.Data);
        using var journal = setup.OpenJournal(new JsonArray(SettingsJson.Write(settings), SettingsJson.Write(step.PostTraining)), context);

        var steps = CalibrateAndInsertQdq.Journal(start, settings, step.PostTraining.Effort, context);
        var quantized = Quantize(settings);
        if (quantized.Layers.All(layer => layer.SkipReason is not null)) throw new PithException($"Every layer of '{graph.Name}' stays in float, so there is nothing to search. Leave out max_drop, or let layers be quantized.");
        var calibration = setup.SensitivityImages();
        var search = new AccuracySearch(step.Search, new LayerVariants(quantized, settings), start, setup.Images, calibration, context.Threads, journal, Keep, context.Events, context.Cancellation);
        var takesUInt8 = settings.Target.TakesZeroPoints && settings.Activations is null && settings.ActivationForm != ActivationForm.UInt8;
        var result = search.Run(takesUInt8 ? WithUInt8 : null, setup.ImageText);
        result = result with { Front = SearchFront.Measure(result, start, search.Variants, context.Threads, context.FrontTiming, context.Events, context.Cancellation) };
        return Outcome(search.Variants, result, start, data.Samples);

        FakeQuantizationResult Quantize(QuantizationSettings how) => PostTrainingQuantization.Apply(start, how, step.PostTraining.Effort, data, context.Events, context.Cancellation, steps.Section($"{how.ActivationForm}"));

        LayerVariants WithUInt8()
        {
            var how = settings with { Activations = ActivationForm.UInt8 };
            return new LayerVariants(Quantize(how), how);
        }

        void Keep(Graph best) => SearchSetup.Keep(best, context);
    }

    private static StepOutcome Outcome(LayerVariants variants, SearchResult result, Graph start, int samples)
    {
        var chosen = variants.With(result.Chosen.FloatLayers);
        var moved = result.Chosen.FloatLayers.ToHashSet(StringComparer.Ordinal);
        chosen.Graph.Metadata[MetadataKey] = JsonSerializer.Serialize(new { result.Settings.MaxDrop, result.Settings.Metric, result.IsReached, result.Chosen.Loss, result.Chosen.Score.Images, result.Chosen.Int8Share, result.Chosen.FloatLayers }, s_compact);
        return new StepOutcome(chosen.Graph)
        {
            Quantization = [.. chosen.Layers.Select(layer => moved.Contains(layer.Name) ? layer with { SkipReason = "for accuracy (max_drop)" } : layer)],
            Findings = variants.Quantized.Findings,
            Accuracy = variants.Quantized.Stages,
            Reconstruction = variants.Quantized.Reconstruction,
            Cache = variants.Settings.ActivationForm == ActivationForm.Int8 ? variants.Quantized.ToCache(new CalibrationCacheOrigin(ModelHash.Of(start), variants.Settings.Calibrator.ToString(), samples)) : null,
            Search = result,
        };
    }
}
