using Pith.Training;

namespace Pith.Compression.Training;

/// <summary>One parameter while it is trained: its place in the engine, its optimiser state, its mask and its moving average.</summary>
internal sealed class TrainedParameter
{
    // A scale that a step would take to zero or below stays at this share of the calibrated one.
    private const float SmallestShareOfScale = 1f / 64;

    /// <param name="declared">The parameter.</param>
    /// <param name="optimizer">Says how much state there is.</param>
    /// <param name="mask">Which weights stay; null: all.</param>
    /// <param name="weightDecay">The decay of this parameter.</param>
    /// <param name="averages">Whether a moving average is kept.</param>
    public TrainedParameter(TrainingParameter declared, Optimizer optimizer, Mask24? mask, double weightDecay, bool averages)
    {
        (Name, Input, Gradient, Mask, WeightDecay) = (declared.Name, declared.Input.Name, declared.Gradient.Name, mask, weightDecay);
        Slots = [.. Enumerable.Range(0, optimizer.SlotCount).Select(_ => new float[declared.Initial.Length])];
        Shape = declared.Initial.Shape;
        if (averages) Average = new float[declared.Initial.Length];
        if (declared.Kind == ParameterKind.Scale) Least = Array.ConvertAll(declared.Initial.Data, scale => scale * SmallestShareOfScale);
    }

    /// <summary>The constant of the inference graph.</summary>
    public string Name { get; }

    /// <summary>The input of the training graph that holds the value.</summary>
    public string Input { get; }

    /// <summary>The output of the training graph.</summary>
    public string Gradient { get; }

    public Shape Shape { get; }

    public Mask24? Mask { get; }

    public double WeightDecay { get; }

    /// <summary>The optimiser's state, each as long as the parameter.</summary>
    public float[][] Slots { get; }

    /// <summary>The exponential moving average of the value; null when none is kept.</summary>
    public float[]? Average { get; }

    /// <summary>What the elements do not fall below; null: anything. Keeps scales positive.</summary>
    public float[]? Least { get; }

    /// <summary>Where the gradient is read instead of the engine's output: its mean over the ranks that train together.</summary>
    public ReadOnlyMemory<float>? MeanGradient { get; init; }

    /// <summary>The parameter in blocks that threads take.</summary>
    public IEnumerable<ParameterBlock> Blocks()
    {
        for (var first = 0; first < Shape.Length; first += ParameterBlock.Elements) yield return new ParameterBlock(this, first, Math.Min(ParameterBlock.Elements, Shape.Length - first));
    }

    /// <summary>The gradient of the last run.</summary>
    public ReadOnlySpan<float> GradientOf(EngineContext context) => MeanGradient is { } mean ? mean.Span : context.Output<float>(Gradient);
}
