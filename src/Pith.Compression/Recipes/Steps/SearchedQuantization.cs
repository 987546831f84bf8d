using System.Text.Json;
using System.Text.Json.Nodes;
using Pith.Benchmarking;
using Pith.Compression.Data;
using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>Post-training quantization with a limit on what it may cost: quantizes, searches the layers to keep in float, and times the front.</summary>
internal static class SearchedQuantization
{
    /// <summary>The metadata key: what was searched for and found, as JSON.</summary>
    public const string MetadataKey = "pith.quantization.search";

    // Layers are told apart by the error on these; more make little difference to their order.
    private const int SensitivityImages = 64;

    private static readonly BenchmarkSettings s_timing = new() { Seconds = 1 };
    private static readonly JsonSerializerOptions s_compact = new(SettingsJson.Options) { WriteIndented = false };

    /// <summary>Applies the step.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="step">The step; its search has a target.</param>
    /// <param name="context">The data, and where trials are saved.</param>
    /// <exception cref="PithException">The settings, network and data do not fit each other, or saved trials belong to something else.</exception>
    public static StepOutcome Apply(Graph graph, QuantizeStep step, StepContext context)
    {
        if (context.Cache is not null) throw new PithException("A search for a limited drop (max_drop) calibrates by itself; it cannot take its scales from a calibration cache. Leave out one of the two.");
        var start = FloatModel.CopyOf(graph, context.Stage, context.Events);
        PassRunner.RunToFixpoint(start, Pipelines.Simplify, context.Events);
        SparsityRecord.Verify(start, "simplifying");
        var settings = step.Quantization;
        var data = DrawnImages.For(start, settings.Samples, settings.CalibrationSeed, context);
        var validation = context.ValidationData ?? DrawnImages.NotDrawn(context.RequireTrainingData(), settings.Samples, settings.CalibrationSeed);
        var preprocessing = context.PreprocessingOf(start, validation);
        // What is wrong with the images is found before anything that takes long; so is a journal of something else.
        var images = new SearchImages(start, validation, preprocessing, step.Search.Metric, context.Threads, context.Cancellation);
        using var journal = TrialJournal.Open(context.OutputPath is { } path ? SearchFiles.TrialsOf(path) : null, KeyOf(start, step, preprocessing, context.RequireTrainingData(), validation));

        var quantized = Quantize(settings);
        if (quantized.Layers.All(layer => layer.SkipReason is not null)) throw new PithException($"Every layer of '{graph.Name}' stays in float, so there is nothing to search. Leave out max_drop, or let layers be quantized.");
        var calibration = CalibrationImages.Read(start, data, SensitivityImages);
        var search = new AccuracySearch(step.Search, new LayerVariants(quantized, settings), start, images, calibration, context.Threads, journal, Keep, context.Events, context.Cancellation);
        var takesUInt8 = settings.Target.TakesZeroPoints && settings.Activations is null && settings.ActivationForm != ActivationForm.UInt8;
        var text = $"{images.Count} {(context.ValidationData is null ? "images of the training data that do not calibrate" : "validation images")}";
        var result = search.Run(takesUInt8 ? WithUInt8 : null, text);
        result = result with { Front = SearchFront.Measure(result, start, search.Variants, context.Threads, s_timing, context.Events, context.Cancellation) };
        return Outcome(search.Variants, result, start);

        FakeQuantizationResult Quantize(QuantizationSettings how) => PostTrainingQuantization.Apply(start, how, step.PostTraining.Effort, data, context.Events, context.Cancellation);

        LayerVariants WithUInt8()
        {
            var how = settings with { Activations = ActivationForm.UInt8 };
            return new LayerVariants(Quantize(how), how);
        }

        void Keep(Graph best)
        {
            if (context.OutputPath is { } output) OnnxModel.Save(best, SearchFiles.BestOf(output));
        }
    }

    private static StepOutcome Outcome(LayerVariants variants, SearchResult result, Graph start)
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
            Cache = variants.Settings.ActivationForm == ActivationForm.Int8 ? variants.Quantized.ToCache(new CalibrationCacheOrigin(ModelHash.Of(start), variants.Settings.Calibrator.ToString(), variants.Settings.Samples)) : null,
            Search = result,
        };
    }

    // The target is not part of it: trials serve every target.
    private static TrialKey KeyOf(Graph start, QuantizeStep step, Preprocessing preprocessing, ImageDataset training, ImageDataset validation)
    {
        var settings = new JsonArray(SettingsJson.Write(step.Quantization), SettingsJson.Write(step.PostTraining), JsonNode.Parse(preprocessing.ToJson()));
        return new TrialKey(PithVersion.Text, ModelHash.Of(start), settings.ToJsonString(s_compact), JsonSerializer.Serialize(DataContent.Of(training), s_compact), JsonSerializer.Serialize(DataContent.Of(validation), s_compact));
    }
}
