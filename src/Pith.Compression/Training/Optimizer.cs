using Pith.Kernels;
using Pith.Kernels.Simd;

namespace Pith.Compression.Training;

/// <summary>What changes from step to step and from parameter to parameter.</summary>
/// <param name="Step">The step, from 1, over the whole run.</param>
/// <param name="LearningRate">The rate of this step.</param>
/// <param name="WeightDecay">The decay of this parameter.</param>
/// <param name="GradientScale">A factor on the gradient: below 1 when gradients are clipped.</param>
public readonly record struct UpdateStep(long Step, double LearningRate, double WeightDecay, double GradientScale);

/// <summary>
/// An update rule, element by element, so that the result depends on no order and no number of threads: it is called with blocks of parameters that fit in a core's cache.
/// State lives with the parameter, in <see cref="SlotCount"/> arrays of its length that start as zeros.
/// </summary>
public abstract class Optimizer
{
    /// <summary>The number of state arrays for each parameter.</summary>
    public abstract int SlotCount { get; }

    /// <summary>Changes <paramref name="weights"/> and <paramref name="slots"/> by one step. Has no state of its own: several threads call it at the same time, each with another block.</summary>
    /// <param name="weights">A block of a parameter.</param>
    /// <param name="gradient">Of the same length.</param>
    /// <param name="slots">The state of these elements, each of the same length.</param>
    /// <param name="step">Rate, decay and factor of this step.</param>
    public abstract void Update(Span<float> weights, ReadOnlySpan<float> gradient, ReadOnlySpan<Memory<float>> slots, UpdateStep step);
}

/// <summary>See <see cref="SgdSettings"/>.</summary>
internal sealed class SgdOptimizer(SgdSettings settings) : Optimizer
{
    public override int SlotCount => 1;

    public override void Update(Span<float> weights, ReadOnlySpan<float> gradient, ReadOnlySpan<Memory<float>> slots, UpdateStep step)
    {
        var constants = new SgdStep(
            (float)step.LearningRate, (float)settings.Momentum, (float)step.WeightDecay, (float)step.GradientScale, settings.Nesterov);
        SgdFp32.Update(weights, gradient, slots[0].Span, constants, Isa.Current);
    }
}

/// <summary>See <see cref="AdamWSettings"/>.</summary>
internal sealed class AdamWOptimizer(AdamWSettings settings) : Optimizer
{
    public override int SlotCount => 2;

    public override void Update(Span<float> weights, ReadOnlySpan<float> gradient, ReadOnlySpan<Memory<float>> slots, UpdateStep step)
    {
        // Both means start at zero; dividing by what a constant gradient would have reached removes that bias (Kingma and Ba, "Adam", 2015, section 3).
        var constants = new AdamWStep
        {
            CorrectedRate = (float)(step.LearningRate / (1 - Math.Pow(settings.Beta1, step.Step))),
            RootCorrection = (float)(1 / Math.Sqrt(1 - Math.Pow(settings.Beta2, step.Step))),
            Keep = (float)(1 - step.LearningRate * step.WeightDecay),
            Beta1 = (float)settings.Beta1,
            Beta2 = (float)settings.Beta2,
            Epsilon = (float)settings.Epsilon,
            GradientScale = (float)step.GradientScale,
        };
        AdamWFp32.Update(weights, gradient, slots[0].Span, slots[1].Span, constants, Isa.Current);
    }
}
