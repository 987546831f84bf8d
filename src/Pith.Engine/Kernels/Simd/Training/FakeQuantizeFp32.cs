using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>
/// Operands of fake quantization, or of its gradient, over a dense array [Outer, Scales, Inner]: a single scale is per tensor, Outer = 1 is per axis 0.
/// </summary>
internal unsafe struct FakeQuantizeFp32Args
{
    /// <summary>Elements before the axis of the scales.</summary>
    public required nint Outer;

    /// <summary>Number of scales.</summary>
    public required nint Scales;

    /// <summary>Elements after the axis of the scales.</summary>
    public required nint Inner;

    /// <summary>Values.</summary>
    public required float* X;

    /// <summary>Forward: result. Gradient: dx. May be an operand itself.</summary>
    public required float* Y;

    /// <summary>[Scales], all above 0.</summary>
    public required float* Scale;

    /// <summary>Smallest step: -128, or -127 for weights; less the zero point where there is one.</summary>
    public required float Smallest;

    /// <summary>Largest step: 127; less the zero point where there is one.</summary>
    public required float Largest;

    /// <summary>What kernels may use: <see cref="Isa.Current"/> outside tests.</summary>
    public required CpuFeatures Isa;

    /// <summary>Gradient of the result; unused by the forward pass.</summary>
    public float* DY;
}

/// <summary>
/// Y = clamp(round_half_even(X / scale), Smallest, Largest) * scale, and its straight-through gradient: DY where Smallest &lt;= X / scale &lt;= Largest, else 0.
/// Same division and rounding as the reference, hence the same bits.
/// </summary>
internal static unsafe class FakeQuantizeFp32
{
    private const int ItemElements = 16384;

    /// <summary>Number of work items.</summary>
    public static int WorkItems(FakeQuantizeFp32Args* args) => checked((int)(args->Outer * args->Scales * Pieces(args)));

    /// <summary>Computes items of the result.</summary>
    public static void Run(FakeQuantizeFp32Args* args, int begin, int end) => Dispatch<N1>(args, begin, end);

    /// <summary>Computes items of the gradient.</summary>
    public static void RunGradient(FakeQuantizeFp32Args* args, int begin, int end) => Dispatch<N2>(args, begin, end);

    // The elements under one scale, cut into pieces where they are many.
    private static nint Pieces(FakeQuantizeFp32Args* args) => (args->Inner + ItemElements - 1) / ItemElements;

    private static void Dispatch<TPass>(FakeQuantizeFp32Args* args, int begin, int end) where TPass : struct, ICount
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: Run<Vec512, TPass>(args, begin, end); break;
            case 8: Run<Vec256, TPass>(args, begin, end); break;
            default: Run<Vec128, TPass>(args, begin, end); break;
        }
    }

    /// <summary>The forward pass (<typeparamref name="TPass"/>: N1) or the gradient (N2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Run<V, TPass>(FakeQuantizeFp32Args* args, int begin, int end) where V : struct, IVec<V> where TPass : struct, ICount
    {
        V smallest = V.Broadcast(args->Smallest), largest = V.Broadcast(args->Largest);
        var pieces = Pieces(args);
        for (nint item = begin; item < end; item++)
        {
            nint group = item / pieces, first = group * args->Inner + item % pieces * ItemElements;
            var last = Math.Min(first + ItemElements, (group + 1) * args->Inner);
            V scale = V.Broadcast(args->Scale[group % args->Scales]);
            for (var i = first; i < last; i += V.Count)
            {
                var valid = last - i;
                V ratio = Lanes<V>.Load(args->X + i, valid) / scale;
                // NaN becomes the smallest step, as in QuantizeLinear: Max passes its second operand on.
                V y = TPass.Value == 1
                    ? V.Min(largest, V.Max(V.Round(ratio), smallest)) * scale
                    : V.SelectGreaterOrEqual(ratio, smallest, V.SelectGreaterOrEqual(largest, ratio, Lanes<V>.Load(args->DY + i, valid), V.Zero), V.Zero);
                Lanes<V>.Store(args->Y + i, valid, y);
            }
        }
    }
}
