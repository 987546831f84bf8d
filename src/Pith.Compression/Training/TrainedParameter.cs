using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
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

    /// <summary>Where the gradient is read instead of the engine's output: its mean over the ranks that train together.</summary>
    public ReadOnlyMemory<float>? Average { get; init; }

    /// <summary>Takes the gradient of the last run, zero where the weight is pruned.</summary>
    /// <returns>The sum of its squares, in double and in an order that is the same on every machine; NaN or infinite when an element is.</returns>
    public double TakeGradient(EngineContext context)
    {
        var gradient = GradientOf(context);
        if (_maskedGradient is not null)
        {
            gradient.CopyTo(_maskedGradient);
            Mask!.Apply(_maskedGradient);
        }
        return SumOfSquares(_maskedGradient ?? gradient);
    }

    /// <summary>Changes the value by one step with the gradient that was taken, and keeps it, and all state, zero where it is pruned.</summary>
    public void Update(EngineContext context, Optimizer optimizer, UpdateStep step)
    {
        var weights = context.Input<float>(Input);
        optimizer.Update(weights, _maskedGradient ?? GradientOf(context), Slots, step);
        if (Mask is null) return;
        Mask.Apply(weights);
        foreach (var slot in Slots) Mask.Apply(slot);
    }

    private ReadOnlySpan<float> GradientOf(EngineContext context) => Average is { } average ? average.Span : context.Output<float>(Gradient);

    // Sixteen sums side by side, then their sum.
    private static double SumOfSquares(ReadOnlySpan<float> gradient)
    {
        Vector512<double> lower = default, upper = default;
        var vectors = MemoryMarshal.Cast<float, Vector512<float>>(gradient);
        foreach (var vector in vectors)
        {
            var (low, high) = Vector512.Widen(vector);
            lower = Vector512.FusedMultiplyAdd(low, low, lower);
            upper = Vector512.FusedMultiplyAdd(high, high, upper);
        }
        var sum = 0.0;
        for (var lane = 0; lane < Vector512<double>.Count; lane++) sum += lower[lane] + upper[lane];
        foreach (var g in gradient[(vectors.Length * Vector512<float>.Count)..]) sum += (double)g * g;
        return sum;
    }
}
