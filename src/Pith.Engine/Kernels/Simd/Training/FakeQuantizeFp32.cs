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

    /// <summary>Memory for as many floats as <see cref="FakeQuantizeFp32.WorkItems"/>, shared by all threads; for the gradient of the scale.</summary>
    public float* Partials;
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

    /// <summary>
    /// Partial sums of the scale's gradient, one for each item: DY * (round(X / scale) - X / scale) where <paramref name="least"/> &lt;= X / scale &lt;= <paramref name="most"/>, else DY times the step that X is clamped to.
    /// </summary>
    public static void RunScaleGradient(FakeQuantizeFp32Args* args, int begin, int end, float least, float most)
    {
        switch (args->Isa.Fp32Lanes)
        {
            case 16: RunScaleGradient<Vec512>(args, begin, end, least, most); break;
            case 8: RunScaleGradient<Vec256>(args, begin, end, least, most); break;
            default: RunScaleGradient<Vec128>(args, begin, end, least, most); break;
        }
    }

    /// <summary>Adds the partial sums in order: Y[scale] is the gradient of that scale.</summary>
    public static void CombineScaleGradient(FakeQuantizeFp32Args* args)
    {
        var pieces = Pieces(args);
        for (nint scale = 0; scale < args->Scales; scale++)
        {
            double sum = 0;
            for (nint outer = 0; outer < args->Outer; outer++)
                for (nint piece = 0; piece < pieces; piece++) sum += args->Partials[(outer * args->Scales + scale) * pieces + piece];
            args->Y[scale] = (float)sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void RunScaleGradient<V>(FakeQuantizeFp32Args* args, int begin, int end, float least, float most) where V : struct, IVec<V>
    {
        float* lanes = stackalloc float[V.Count];
        V smallest = V.Broadcast(args->Smallest), largest = V.Broadcast(args->Largest), low = V.Broadcast(least), high = V.Broadcast(most);
        var pieces = Pieces(args);
        for (nint item = begin; item < end; item++)
        {
            nint group = item / pieces, first = group * args->Inner + item % pieces * ItemElements;
            var last = Math.Min(first + ItemElements, (group + 1) * args->Inner);
            V scale = V.Broadcast(args->Scale[group % args->Scales]), sum = V.Zero;
            for (var i = first; i < last; i += V.Count)
            {
                var valid = last - i;
                V ratio = Lanes<V>.Load(args->X + i, valid) / scale;
                V passed = V.SelectGreaterOrEqual(ratio, low, V.SelectGreaterOrEqual(high, ratio, ratio, V.Zero), V.Zero);
                // Lanes beyond the end have a DY of 0.
                sum += Lanes<V>.Load(args->DY + i, valid) * (V.Min(largest, V.Max(V.Round(ratio), smallest)) - passed);
            }
            V.Store(lanes, sum);
            double total = 0;
            for (var lane = 0; lane < V.Count; lane++) total += lanes[lane];
            args->Partials[item] = (float)total;
        }
    }

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
