using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of one step of stochastic gradient descent with momentum over a flat array.</summary>
internal unsafe struct SgdFp32Args
{
    /// <summary>Number of elements.</summary>
    public required nint Count;

    /// <summary>Parameters, changed.</summary>
    public required float* Weights;

    /// <summary>Their gradient.</summary>
    public required float* Gradient;

    /// <summary>State, changed; starts as zeros.</summary>
    public required float* Velocity;

    /// <summary>Learning rate.</summary>
    public required float Rate;

    /// <summary>The level that kernels run at: <see cref="Isa.Current"/> outside tests.</summary>
    public required IsaLevel Isa;

    /// <summary>What the velocity keeps from step to step.</summary>
    public float Momentum;

    /// <summary>L2 penalty, added to the gradient.</summary>
    public float WeightDecay;

    /// <summary>Factor on the gradient, such as that of gradient clipping.</summary>
    public float GradientScale;

    /// <summary>0 where a weight is pruned and 1 elsewhere, or null: masks gradient, velocity and weight.</summary>
    public float* Mask;

    /// <summary>Non-zero: look ahead along the velocity (Nesterov).</summary>
    public int Nesterov;
}

/// <summary>
/// SGD: g = scale * gradient + decay * w; v = momentum * v + g; w -= rate * (Nesterov ? g + momentum * v : v). Products and sums are rounded one by one,
/// so the result has the bits of the plain loop on every instruction set.
/// </summary>
internal static unsafe class SgdFp32
{
    /// <summary>Number of work items.</summary>
    public static int WorkItems(SgdFp32Args* args) => FlatRange.Items(args->Count);

    /// <summary>Updates items.</summary>
    public static void Run(SgdFp32Args* args, int begin, int end)
    {
        switch (Isa.Fp32Lanes(args->Isa))
        {
            case 16: Run<Vec512>(args, begin, end); break;
            case 8: Run<Vec256>(args, begin, end); break;
            default: Run<Vec128>(args, begin, end); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<V>(SgdFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        var range = FlatRange.Of(args->Count, begin, end);
        V rate = V.Broadcast(args->Rate), momentum = V.Broadcast(args->Momentum), decay = V.Broadcast(args->WeightDecay);
        V scale = V.Broadcast(args->GradientScale);
        for (var i = range.Begin; i < range.End; i += V.Count)
        {
            var valid = range.End - i;
            V weight = Lanes<V>.Load(args->Weights + i, valid);
            V gradient = scale * Lanes<V>.Load(args->Gradient + i, valid) + decay * weight;
            V velocity = momentum * Lanes<V>.Load(args->Velocity + i, valid);
            V mask = args->Mask == null ? V.Broadcast(1) : Lanes<V>.Load(args->Mask + i, valid);
            gradient *= mask;
            velocity = (velocity + gradient) * mask;
            Lanes<V>.Store(args->Velocity + i, valid, velocity);
            V step = args->Nesterov != 0 ? gradient + momentum * velocity : velocity;
            Lanes<V>.Store(args->Weights + i, valid, (weight - rate * step) * mask);
        }
    }
}
