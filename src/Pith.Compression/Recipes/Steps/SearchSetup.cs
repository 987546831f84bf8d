using System.Text.Json;
using System.Text.Json.Nodes;
using Pith.Compression.Data;
using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>What steps that search for a network begin with: the float network, the images that calibrate and those that decide.</summary>
/// <param name="Float">The simplified float network.</param>
/// <param name="Data">The calibration images.</param>
/// <param name="Images">The images that decide.</param>
/// <param name="ImageText">The same for people.</param>
/// <param name="Contents">Calibration and validation data by their content, and the preprocessing, as JSON.</param>
internal sealed record SearchSetup(Graph Float, CalibrationData Data, SearchImages Images, string ImageText, (string Calibration, string Validation, string Preprocessing) Contents)
{
    // Layers are told apart by the error on these; more make little difference to their order.
    private const int MostSensitivityImages = 64;

    private static readonly JsonSerializerOptions s_compact = new(SettingsJson.Options) { WriteIndented = false };

    /// <summary>Prepares a search; what is wrong with the images is found here, before anything that takes long.</summary>
    /// <param name="graph">A float network; not changed.</param>
    /// <param name="quantization">How many images calibrate, and which.</param>
    /// <param name="metric">What may not be lost.</param>
    /// <param name="context">The data.</param>
    /// <exception cref="PithException">Network, data and metric do not fit each other.</exception>
    public static SearchSetup Of(Graph graph, QuantizationSettings quantization, SearchMetric metric, StepContext context)
    {
        if (context.Cache is not null) throw new PithException("A search for a limited drop (max_drop) calibrates by itself; it cannot take its scales from a calibration cache. Leave out one of the two.");
        var start = FloatModel.CopyOf(graph, context.Stage, context.Events);
        PassRunner.RunToFixpoint(start, Pipelines.Simplify, context.Events);
        SparsityRecord.Verify(start, "simplifying");
        var training = context.RequireTrainingData();
        var data = DrawnImages.For(start, quantization.Samples, quantization.CalibrationSeed, context);
        var validation = context.ValidationData ?? DrawnImages.NotDrawn(training, quantization.Samples, quantization.CalibrationSeed);
        var preprocessing = context.PreprocessingOf(start, validation);
        var images = new SearchImages(start, validation, preprocessing, metric, context.Threads, context.Cancellation);
        var text = context.ValidationData is not null ? $"{images.Count} validation images" : $"{images.Count} images of the training data that do not calibrate (a network loses less on what it was trained on; --validation takes others)";
        return new SearchSetup(start, data, images, text, (Text(DataContent.Of(training)), Text(DataContent.Of(validation)), preprocessing.ToJson()));
    }

    /// <summary>The calibration images that tell layers apart.</summary>
    public CalibrationImages SensitivityImages() => CalibrationImages.Read(Float, Data, MostSensitivityImages);

    /// <summary>Calibration images that one-shot pruning does not fit weights to before its last step (<see cref="PruningOptions.FitsAllImages"/>): on images that the weights were fitted to, pruning would appear to cost almost nothing.</summary>
    /// <exception cref="PithException">The images do not fit the network.</exception>
    public CalibrationImages HeldOutImages() => CalibrationImages.Read(Float, Data, CalibrationImages.HeldOutEvery * MostSensitivityImages).HeldOut();

    /// <summary>Opens the journal of finished trials.</summary>
    /// <param name="settings">All settings that a trial depends on; the target is not among them, since trials serve every target.</param>
    /// <param name="context">Where it lies.</param>
    /// <exception cref="PithException">The file belongs to another search or is something else.</exception>
    public TrialJournal OpenJournal(JsonArray settings, StepContext context)
    {
        settings.Add(JsonNode.Parse(Contents.Preprocessing));
        var key = new TrialKey(PithVersion.Text, ModelHash.Of(Float), settings.ToJsonString(s_compact), Contents.Calibration, Contents.Validation);
        return TrialJournal.Open(context.OutputPath is { } path ? SearchFiles.TrialsOf(path) : null, key, context.GivesUpStaleTrials ? message => context.Events?.Report(new Warning(message)) : null);
    }

    /// <summary>Saves the best network so far.</summary>
    public static void Keep(Graph best, StepContext context)
    {
        if (context.OutputPath is { } output) OnnxModel.Save(best, SearchFiles.BestOf(output));
    }

    private static string Text<T>(T value) => JsonSerializer.Serialize(value, s_compact);
}
