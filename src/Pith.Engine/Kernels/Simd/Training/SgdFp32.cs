using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Constants of one step of stochastic gradient descent.</summary>
/// <param name="Rate">Learning rate.</param>
/// <param name="Momentum">What the velocity keeps from step to step.</param>
/// <param name="WeightDecay">L2 penalty, added to the gradient.</param>
/// <param name="GradientScale">Factor on the gradient, such as that of gradient clipping.</param>
/// <param name="Nesterov">Look ahead along the velocity.</param>
internal readonly record struct SgdStep(float Rate, float Momentum, float WeightDecay, float GradientScale, bool Nesterov);

/// <summary>
/// SGD: g = scale * gradient + decay * w; v = momentum * v + g; w -= rate * (Nesterov ? g + momentum * v : v). Products and sums are rounded one by one,
/// so the result has the bits of the plain loop on every instruction set.
/// </summary>
internal static unsafe class SgdFp32
{
    /// <summary>Changes weights and velocity by one step; all three are as long as the weights, or longer.</summary>
    public static void Update(Span<float> weights, ReadOnlySpan<float> gradient, Span<float> velocity, in SgdStep step, CpuFeatures isa)
    {
        gradient = gradient[..weights.Length];
        velocity = velocity[..weights.Length];
        fixed (float* w = weights, g = gradient, v = velocity)
        {
            switch (isa.Fp32Lanes)
            {
                case 16: Update<Vec512>(w, g, v, weights.Length, step); break;
                case 8: Update<Vec256>(w, g, v, weights.Length, step); break;
                default: Update<Vec128>(w, g, v, weights.Length, step); break;
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Update<V>(float* weights, float* gradients, float* velocities, int count, SgdStep step) where V : struct, IVec<V>
    {
        V rate = V.Broadcast(step.Rate), momentum = V.Broadcast(step.Momentum), decay = V.Broadcast(step.WeightDecay);
        V scale = V.Broadcast(step.GradientScale);
        for (var i = 0; i < count; i += V.Count)
        {
            var valid = count - i;
            V weight = Lanes<V>.Load(weights + i, valid);
            V gradient = scale * Lanes<V>.Load(gradients + i, valid) + decay * weight;
            V velocity = momentum * Lanes<V>.Load(velocities + i, valid) + gradient;
            Lanes<V>.Store(velocities + i, valid, velocity);
            Lanes<V>.Store(weights + i, valid, weight - rate * (step.Nesterov ? gradient + momentum * velocity : velocity));
        }
    }
}
