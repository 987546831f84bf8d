using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary>
/// <c>qat</c>: quantization-aware training. Calibrates, trains through the Q/DQ pairs with straight-through gradients, scales frozen and 2:4 masks kept, then folds batch norm and stores
/// weights as int8. While it trains, convolution and batch norm stay apart: weights are quantized per output channel before batch norm, which is the same as after it, because
/// batch norm multiplies the channel and its scale alike. One scale per tensor cannot be multiplied so: without <see cref="QuantizationSettings.PerChannel"/> batch norm is folded before training.
/// </summary>
/// <param name="Quantization">How to quantize.</param>
/// <param name="Training">How to train.</param>
public sealed record QatStep(QuantizationSettings Quantization, TrainingSettings Training) : RecipeStep
{
    /// <inheritdoc/>
    public override string Kind => "qat";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(context);
        var calibrated = CalibrateAndInsertQdq.Apply(graph, Quantization.PerChannel ? Pipelines.SimplifyKeepingBatchNorm : Pipelines.Simplify, Quantization, QuantizationEffort.Fast, context);
        var trained = TrainingRun.Train(calibrated.Graph, Training, SparsityRecord.RecoverMasks(calibrated.Graph), context);
        FakeQuantization.Finish(trained.Model, Quantization, context.Events);
        return calibrated with { Graph = trained.Model, Training = trained.Summary };
    }

    /// <inheritdoc/>
    public override void Check()
    {
        Quantization.Check();
        Training.Check();
    }

    internal override IReadOnlyList<object> Parts => [Quantization, Training];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new QatStep((QuantizationSettings)parts[0], (TrainingSettings)parts[1]);
}
