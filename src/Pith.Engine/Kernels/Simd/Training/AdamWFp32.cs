using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Operands of one step of AdamW over a flat array.</summary>
internal unsafe struct AdamWFp32Args
{
    /// <summary>Number of elements.</summary>
    public required nint Count;

    /// <summary>Parameters, changed.</summary>
    public required float* Weights;

    /// <summary>Their gradient.</summary>
    public required float* Gradient;

    /// <summary>Running mean of the gradient, changed; starts as zeros.</summary>
    public required float* Mean;

    /// <summary>Running mean of the squared gradient, changed; starts as zeros.</summary>
    public required float* Square;

    /// <summary>Learning rate, divided by 1 - beta1^step.</summary>
    public required float CorrectedRate;

    /// <summary>1 / sqrt(1 - beta2^step).</summary>
    public required float RootCorrection;

    /// <summary>What the mean keeps from step to step.</summary>
    public required float Beta1;

    /// <summary>What the squared mean keeps from step to step.</summary>
    public required float Beta2;

    /// <summary>Added to the root of the squared mean.</summary>
    public required float Epsilon;

    /// <summary>The level that kernels run at: <see cref="Isa.Current"/> outside tests.</summary>
    public required IsaLevel Isa;

    /// <summary>1 - learning rate * weight decay.</summary>
    public float Keep;

    /// <summary>Factor on the gradient, such as that of gradient clipping.</summary>
    public float GradientScale;

    /// <summary>0 where a weight is pruned and 1 elsewhere, or null: masks gradient, state and weight.</summary>
    public float* Mask;
}

/// <summary>
/// AdamW (Loshchilov and Hutter 2019): decoupled weight decay, bias-corrected means. Products and sums are rounded one by one, so the result has the bits of
/// the plain loop on every instruction set.
/// </summary>
internal static unsafe class AdamWFp32
{
    /// <summary>Number of work items.</summary>
    public static int WorkItems(AdamWFp32Args* args) => FlatRange.Items(args->Count);

    /// <summary>Updates items.</summary>
    public static void Run(AdamWFp32Args* args, int begin, int end)
    {
        switch (Isa.Fp32Lanes(args->Isa))
        {
            case 16: Run<Vec512>(args, begin, end); break;
            case 8: Run<Vec256>(args, begin, end); break;
            default: Run<Vec128>(args, begin, end); break;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<V>(AdamWFp32Args* args, int begin, int end) where V : struct, IVec<V>
    {
        var range = FlatRange.Of(args->Count, begin, end);
        V beta1 = V.Broadcast(args->Beta1), beta2 = V.Broadcast(args->Beta2), fresh1 = V.Broadcast(1 - args->Beta1), fresh2 = V.Broadcast(1 - args->Beta2);
        V scale = V.Broadcast(args->GradientScale), rate = V.Broadcast(args->CorrectedRate), keep = V.Broadcast(args->Keep);
        V root = V.Broadcast(args->RootCorrection), epsilon = V.Broadcast(args->Epsilon);
        for (var i = range.Begin; i < range.End; i += V.Count)
        {
            var valid = range.End - i;
            V mask = args->Mask == null ? V.Broadcast(1) : Lanes<V>.Load(args->Mask + i, valid);
            V gradient = scale * Lanes<V>.Load(args->Gradient + i, valid) * mask;
            V mean = (beta1 * Lanes<V>.Load(args->Mean + i, valid) + fresh1 * gradient) * mask;
            V square = (beta2 * Lanes<V>.Load(args->Square + i, valid) + fresh2 * gradient * gradient) * mask;
            Lanes<V>.Store(args->Mean + i, valid, mean);
            Lanes<V>.Store(args->Square + i, valid, square);
            V weight = keep * Lanes<V>.Load(args->Weights + i, valid) - rate * mean / (V.Sqrt(square) * root + epsilon);
            Lanes<V>.Store(args->Weights + i, valid, weight * mask);
        }
    }
}
