using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels;

/// <summary>One multiply-accumulate of vectors, exact for 8-bit operands or in FP32.</summary>
internal interface IMultiplyAdd<TVector> where TVector : struct
{
    /// <summary>Products that one call adds.</summary>
    static abstract int Macs { get; }

    /// <summary>sum + sum * factor or sum + factor * factor: the first where the multiplication is an instruction of its own, which could else be moved out of the loop.</summary>
    static abstract TVector MultiplyAdd(TVector sum, TVector factor);

    static abstract TVector Factor { get; }
}

/// <summary>A loop that <see cref="PeakRate"/> times: independent sums in registers, nothing else.</summary>
/// <param name="Precision">As <see cref="LayerInfo.Precision"/> has it.</param>
/// <param name="Macs">Multiply-accumulates of one call.</param>
/// <param name="Run">One call.</param>
internal sealed record PeakLoop(string Precision, double Macs, Action Run)
{
    // Of one call: about 10 microseconds.
    private const int Rounds = 2048;

    // More than latency times instructions per cycle of any CPU so far, and few enough for 16 registers.
    private const int Sums = 12;

    // Keeps the work from being optimised away.
    private static int s_sink;

    /// <summary>The loop of an operation on vectors.</summary>
    public static PeakLoop Of<TVector, TOp>(string precision) where TVector : struct where TOp : struct, IMultiplyAdd<TVector> => new(precision, (double)Rounds * Sums * TOp.Macs, Loop<TVector, TOp>);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Loop<TVector, TOp>() where TVector : struct where TOp : struct, IMultiplyAdd<TVector>
    {
        var x = TOp.Factor;
        TVector s0 = x, s1 = x, s2 = x, s3 = x, s4 = x, s5 = x, s6 = x, s7 = x, s8 = x, s9 = x, s10 = x, s11 = x;
        for (var round = 0; round < Rounds; round++)
        {
            s0 = TOp.MultiplyAdd(s0, x);
            s1 = TOp.MultiplyAdd(s1, x);
            s2 = TOp.MultiplyAdd(s2, x);
            s3 = TOp.MultiplyAdd(s3, x);
            s4 = TOp.MultiplyAdd(s4, x);
            s5 = TOp.MultiplyAdd(s5, x);
            s6 = TOp.MultiplyAdd(s6, x);
            s7 = TOp.MultiplyAdd(s7, x);
            s8 = TOp.MultiplyAdd(s8, x);
            s9 = TOp.MultiplyAdd(s9, x);
            s10 = TOp.MultiplyAdd(s10, x);
            s11 = TOp.MultiplyAdd(s11, x);
        }
        // One vector before the call: sums that lived across a call would be kept in memory, also within the loop.
        s0 = TOp.MultiplyAdd(TOp.MultiplyAdd(TOp.MultiplyAdd(s0, s1), s2), s3);
        s4 = TOp.MultiplyAdd(TOp.MultiplyAdd(TOp.MultiplyAdd(s4, s5), s6), s7);
        s8 = TOp.MultiplyAdd(TOp.MultiplyAdd(TOp.MultiplyAdd(s8, s9), s10), s11);
        s_sink = TOp.MultiplyAdd(TOp.MultiplyAdd(s0, s4), s8).GetHashCode();
    }
}

/// <summary>AVX-VNNI: 32 bytes times 32 bytes, four neighbours per 32-bit sum, in one instruction.</summary>
internal readonly struct MultiplyAddAvxVnni : IMultiplyAdd<Vector256<int>>
{
    public static int Macs => 32;
    public static Vector256<int> Factor => Vector256.Create((byte)3).AsInt32();
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<int> factor) => AvxVnni.MultiplyWideningAndAdd(sum, factor.AsByte(), factor.AsSByte());
}

/// <summary>AVX2: bytes widened to 16 bits, two neighbours per 32-bit sum. VPMADDUBSW takes twice as many but saturates.</summary>
internal readonly struct MultiplyAddInt8Avx2 : IMultiplyAdd<Vector256<int>>
{
    public static int Macs => 16;
    public static Vector256<int> Factor => Vector256.Create((short)3).AsInt32();
    public static Vector256<int> MultiplyAdd(Vector256<int> sum, Vector256<int> factor) => sum + Avx2.MultiplyAddAdjacent(sum.AsInt16(), factor.AsInt16());
}

/// <summary>Any CPU: products of bytes fit 16 bits. (Widening the sums costs a real kernel more.)</summary>
internal readonly struct MultiplyAddInt8Portable : IMultiplyAdd<Vector128<short>>
{
    public static int Macs => 8;
    public static Vector128<short> Factor => Vector128.Create((short)3);
    public static Vector128<short> MultiplyAdd(Vector128<short> sum, Vector128<short> factor) => sum + sum * factor;
}

/// <summary>FP32, 16 lanes.</summary>
internal readonly struct MultiplyAddFp32Vector512 : IMultiplyAdd<Vector512<float>>
{
    public static int Macs => 16;
    public static Vector512<float> Factor => Vector512.Create(1e-3f);
    public static Vector512<float> MultiplyAdd(Vector512<float> sum, Vector512<float> factor) => Vector512.MultiplyAddEstimate(factor, factor, sum);
}

/// <summary>FP32, 8 lanes.</summary>
internal readonly struct MultiplyAddFp32Vector256 : IMultiplyAdd<Vector256<float>>
{
    public static int Macs => 8;
    public static Vector256<float> Factor => Vector256.Create(1e-3f);
    public static Vector256<float> MultiplyAdd(Vector256<float> sum, Vector256<float> factor) => Vector256.MultiplyAddEstimate(factor, factor, sum);
}

/// <summary>FP32, 4 lanes. Without FMA a multiplication of its own.</summary>
internal readonly struct MultiplyAddFp32Vector128 : IMultiplyAdd<Vector128<float>>
{
    public static int Macs => 4;
    public static Vector128<float> Factor => Vector128.Create(1e-3f);
    public static Vector128<float> MultiplyAdd(Vector128<float> sum, Vector128<float> factor) => Vector128.MultiplyAddEstimate(sum, factor, sum);
}
