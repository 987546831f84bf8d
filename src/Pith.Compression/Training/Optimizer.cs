namespace Pith.Compression;

/// <summary>What changes from step to step and from parameter to parameter.</summary>
/// <param name="Step">The step, from 1, over the whole run.</param>
/// <param name="LearningRate">The rate of this step.</param>
/// <param name="WeightDecay">The decay of this parameter.</param>
/// <param name="GradientScale">A factor on the gradient: below 1 when gradients are clipped.</param>
internal readonly record struct UpdateStep(long Step, double LearningRate, double WeightDecay, double GradientScale);

/// <summary>
/// An update rule: plain loops over the elements of one parameter at a time, so that the result depends on no order and no number of threads.
/// State lives with the parameter, in <see cref="SlotCount"/> arrays of its length that start as zeros.
/// </summary>
internal abstract class Optimizer
{
    /// <summary>The number of state arrays for each parameter.</summary>
    public abstract int SlotCount { get; }

    /// <summary>Changes <paramref name="weights"/> and <paramref name="slots"/> by one step.</summary>
    public abstract void Update(Span<float> weights, ReadOnlySpan<float> gradient, ReadOnlySpan<float[]> slots, UpdateStep step);
}

/// <summary>See <see cref="SgdSettings"/>.</summary>
internal sealed class SgdOptimizer(SgdSettings settings) : Optimizer
{
    public override int SlotCount => 1;

    public override void Update(Span<float> weights, ReadOnlySpan<float> gradient, ReadOnlySpan<float[]> slots, UpdateStep step)
    {
        var velocity = slots[0].AsSpan(0, weights.Length);
        gradient = gradient[..weights.Length];
        var (rate, decay, scale, momentum) = ((float)step.LearningRate, (float)step.WeightDecay, (float)step.GradientScale, (float)settings.Momentum);
        for (var i = 0; i < weights.Length; i++)
        {
            var g = scale * gradient[i] + decay * weights[i];
            velocity[i] = momentum * velocity[i] + g;
            weights[i] -= rate * (settings.Nesterov ? g + momentum * velocity[i] : velocity[i]);
        }
    }
}

/// <summary>See <see cref="AdamWSettings"/>.</summary>
internal sealed class AdamWOptimizer(AdamWSettings settings) : Optimizer
{
    public override int SlotCount => 2;

    public override void Update(Span<float> weights, ReadOnlySpan<float> gradient, ReadOnlySpan<float[]> slots, UpdateStep step)
    {
        var mean = slots[0].AsSpan(0, weights.Length);
        var square = slots[1].AsSpan(0, weights.Length);
        gradient = gradient[..weights.Length];
        var (beta1, beta2, epsilon, scale) = ((float)settings.Beta1, (float)settings.Beta2, (float)settings.Epsilon, (float)step.GradientScale);
        // Both means start at zero; dividing by what a constant gradient would have reached removes that bias (Kingma and Ba, "Adam", 2015, section 3).
        var rate = (float)(step.LearningRate / (1 - Math.Pow(settings.Beta1, step.Step)));
        var rootCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(settings.Beta2, step.Step)));
        var keep = (float)(1 - step.LearningRate * step.WeightDecay);
        for (var i = 0; i < weights.Length; i++)
        {
            var g = scale * gradient[i];
            mean[i] = beta1 * mean[i] + (1 - beta1) * g;
            square[i] = beta2 * square[i] + (1 - beta2) * g * g;
            weights[i] = keep * weights[i] - rate * mean[i] / (MathF.Sqrt(square[i]) * rootCorrection + epsilon);
        }
    }
}
