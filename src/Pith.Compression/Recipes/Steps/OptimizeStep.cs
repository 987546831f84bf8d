using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pith.Compression.Recipes;

/// <summary><c>optimize</c>: chooses float or INT8, and dense, 2:4 or V:2:4 weights, for each layer together, by measured times and errors; prunes in one shot and quantizes.</summary>
/// <param name="Quantization">How layers in INT8 are quantized.</param>
public sealed record OptimizeStep(QuantizationSettings Quantization) : RecipeStep
{
    /// <summary>The metadata key: what was searched for and chosen, as JSON.</summary>
    public const string MetadataKey = "pith.optimization";

    private static readonly JsonSerializerOptions s_compact = new(SettingsJson.Options) { WriteIndented = false };

    /// <summary>What is done for accuracy in each network that is built.</summary>
    public PostTrainingSettings PostTraining { get; init; } = new();

    /// <summary>The targets.</summary>
    public OptimizationSettings Optimization { get; init; } = new();

    /// <inheritdoc/>
    public override string Kind => "optimize";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(context);
        var setup = SearchSetup.Of(graph, Quantization, Optimization.Metric, context);
        using var journal = setup.OpenJournal(new JsonArray(Kind, SettingsJson.Write(Quantization), SettingsJson.Write(PostTraining), Optimization.Batch, Environment.ProcessorCount, context.Threads, Benchmarking.MachineDescription.Text), context);
        using var search = new JointSearch(this, setup, context, journal);
        var (result, chosen) = search.Run();
        chosen.Metadata[MetadataKey] = JsonSerializer.Serialize(new { result.IsReached, result.Chosen.Loss, result.Chosen.Speedup, result.Chosen.Score.Images, Layers = result.Chosen.Layers.ToDictionary(layer => layer.Layer, layer => layer.Option) }, s_compact);
        return new StepOutcome(chosen) { Optimization = result };
    }

    /// <inheritdoc/>
    public override void Check()
    {
        Quantization.Check();
        Optimization.Check();
    }

    internal override bool ReadsTrainingData => true;

    // Without it training images that do not calibrate decide.
    internal override bool ReadsValidationData => true;

    internal override IReadOnlyList<object> Parts => [Quantization, PostTraining, Optimization];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new OptimizeStep((QuantizationSettings)parts[0]) { PostTraining = (PostTrainingSettings)parts[1], Optimization = (OptimizationSettings)parts[2] };
}
