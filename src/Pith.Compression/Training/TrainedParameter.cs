using Pith.Training;

namespace Pith.Compression.Training;

/// <summary>One parameter while it is trained: its place in the engine, its optimiser state and its mask.</summary>
internal sealed class TrainedParameter
{
    private readonly float[]? _maskedGradient;

    public TrainedParameter(TrainingParameter declared, Optimizer optimizer, Mask24? mask, double weightDecay)
    {
        (Name, Input, Gradient, Mask, WeightDecay) = (declared.Name, declared.Input.Name, declared.Gradient.Name, mask, weightDecay);
        Slots = [.. Enumerable.Range(0, optimizer.SlotCount).Select(_ => new float[declared.Initial.Length])];
        Shape = declared.Initial.Shape;
        if (mask is not null) _maskedGradient = new float[declared.Initial.Length];
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

    /// <summary>The gradient of the last run, zero where the weight is pruned.</summary>
    public ReadOnlySpan<float> MaskedGradient(EngineContext context)
    {
        var gradient = context.Output<float>(Gradient);
        if (_maskedGradient is null) return gradient;
        gradient.CopyTo(_maskedGradient);
        Mask!.Apply(_maskedGradient);
        return _maskedGradient;
    }

    /// <summary>Changes the value by one step and keeps it, and all state, zero where it is pruned.</summary>
    public void Update(EngineContext context, Optimizer optimizer, UpdateStep step)
    {
        var weights = context.Input<float>(Input);
        optimizer.Update(weights, MaskedGradient(context), Slots, step);
        if (Mask is null) return;
        Mask.Apply(weights);
        foreach (var slot in Slots) Mask.Apply(slot);
    }
}
