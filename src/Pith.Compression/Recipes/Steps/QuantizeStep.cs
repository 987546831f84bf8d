using Pith.Passes;

namespace Pith.Compression.Recipes;

/// <summary><c>quantize</c>: post-training quantization. Folds batch norm, calibrates, inserts Q/DQ pairs, stores weights as int8.</summary>
/// <param name="Quantization">How.</param>
public sealed record QuantizeStep(QuantizationSettings Quantization) : RecipeStep
{
    /// <inheritdoc/>
    public override string Kind => "quantize";

    /// <inheritdoc/>
    public override StepOutcome Apply(Graph graph, StepContext context)
    {
        ArgumentNullException.ThrowIfNull(graph);
        ArgumentNullException.ThrowIfNull(context);
        var calibrated = CalibrateAndInsertQdq.Apply(graph, Pipelines.Simplify, Quantization, context);
        FakeQuantization.Finish(calibrated.Graph, Quantization, context.Events);
        return calibrated;
    }

    /// <inheritdoc/>
    public override void Check() => Quantization.Check();

    internal override bool ReadsTrainingData => true;

    internal override IReadOnlyList<object> Parts => [Quantization];

    internal override RecipeStep With(IReadOnlyList<object> parts) => new QuantizeStep((QuantizationSettings)parts[0]);
}
