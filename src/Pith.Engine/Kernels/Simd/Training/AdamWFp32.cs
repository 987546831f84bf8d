using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Constants of one step of AdamW.</summary>
/// <param name="CorrectedRate">Learning rate, divided by 1 - beta1^step.</param>
/// <param name="RootCorrection">1 / sqrt(1 - beta2^step).</param>
/// <param name="Keep">1 - learning rate * weight decay.</param>
/// <param name="Beta1">What the mean keeps from step to step.</param>
/// <param name="Beta2">What the squared mean keeps from step to step.</param>
/// <param name="Epsilon">Added to the root of the squared mean.</param>
/// <param name="GradientScale">Factor on the gradient, such as that of gradient clipping.</param>
internal readonly record struct AdamWStep(
    float CorrectedRate, float RootCorrection, float Keep, float Beta1, float Beta2, float Epsilon, float GradientScale);

/// <summary>
/// AdamW (Loshchilov and Hutter 2019): decoupled weight decay, bias-corrected means. Products and sums are rounded one by one, so the result has the bits of
/// the plain loop on every instruction set.
/// </summary>
internal static unsafe class AdamWFp32
{
    /// <summary>Changes weights and running means by one step; all four are as long as the weights, or longer.</summary>
    public static void Update(
        Span<float> weights, ReadOnlySpan<float> gradient, Span<float> mean, Span<float> square, in AdamWStep step, CpuFeatures isa)
    {
        gradient = gradient[..weights.Length];
        mean = mean[..weights.Length];
        square = square[..weights.Length];
        fixed (float* w = weights, g = gradient, m = mean, s = square)
        {
            switch (isa.Fp32Lanes)
            {
                case 16: Update<Vec512>(w, g, m, s, weights.Length, step); break;
                case 8: Update<Vec256>(w, g, m, s, weights.Length, step); break;
                default: Update<Vec128>(w, g, m, s, weights.Length, step); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Update<V>(float* weights, float* gradients, float* means, float* squares, int count, AdamWStep step) where V : struct, IVec<V>
    {
        V beta1 = V.Broadcast(step.Beta1), beta2 = V.Broadcast(step.Beta2), fresh1 = V.Broadcast(1 - step.Beta1), fresh2 = V.Broadcast(1 - step.Beta2);
        V scale = V.Broadcast(step.GradientScale), rate = V.Broadcast(step.CorrectedRate), keep = V.Broadcast(step.Keep);
        V root = V.Broadcast(step.RootCorrection), epsilon = V.Broadcast(step.Epsilon);
        for (var i = 0; i < count; i += V.Count)
        {
            var valid = count - i;
            V gradient = scale * Lanes<V>.Load(gradients + i, valid);
            V mean = beta1 * Lanes<V>.Load(means + i, valid) + fresh1 * gradient;
            V square = beta2 * Lanes<V>.Load(squares + i, valid) + fresh2 * gradient * gradient;
            Lanes<V>.Store(means + i, valid, mean);
            Lanes<V>.Store(squares + i, valid, square);
            Lanes<V>.Store(weights + i, valid, keep * Lanes<V>.Load(weights + i, valid) - rate * mean / (V.Sqrt(square) * root + epsilon));
        }
    }
}
