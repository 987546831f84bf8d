using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>
/// <c>qat</c>: quantization-aware training. Calibrates, trains through the Q/DQ pairs with straight-through gradients, scales frozen or learned, 2:4 masks kept, then folds batch norm and stores
/// weights as int8. While it trains, convolution and batch norm stay apart: weights are quantized per output channel before batch norm, which is the same as after it, because
/// batch norm multiplies the channel and its scale alike. One scale per tensor cannot be multiplied so: without <see cref="QuantizationSettings.PerChannel"/> batch norm is folded before training.
/// </summary>
/// <param name="Quantization">How to quantize.</param>
/// <param name="Training">How to train.</param>
public sealed record QatStep(QuantizationSettings Quantization, TrainingSettings Training) : RecipeStep, ITrainingStep
{
    /// <summary>What is done with scales.</summary>
    public ScaleSettings Scales { get; init; } = new();

    /// <inheritdoc/>
    public override string Kind => "qat";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(context);
        var calibrated = Prepare(graph, context);
        var trained = TrainingRun.Train(calibrated.Graph, this, context);
        FakeQuantization.Finish(trained.Model, Quantization, context.Events);
        // Scales that were learned are not those of the calibration.
        return calibrated with { Graph = trained.Model, Training = trained.Summary, Cache = LearnsScales ? null : calibrated.Cache };
    }

    bool ITrainingStep.LearnsScales => LearnsScales;

    StepOutcome ITrainingStep.Prepare(Graph graph, StepContext context) => Prepare(graph, context);

    private bool LearnsScales => Scales.Scales == ScaleMode.Learned;

    private StepOutcome Prepare(Graph graph, StepContext context) =>
        CalibrateAndInsertQdq.Apply(graph, Quantization.PerChannel ? Pipelines.SimplifyKeepingBatchNorm : Pipelines.Simplify, Quantization, QuantizationEffort.Fast, context);

    /// <inheritdoc/>
    public override void Check()
    {
        Quantization.Check();
        Training.Check();
    }

    internal override IReadOnlyList<object> Parts => [Quantization, Training, Scales];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new QatStep((QuantizationSettings)parts[0], (TrainingSettings)parts[1]) { Scales = (ScaleSettings)parts[2] };
}
