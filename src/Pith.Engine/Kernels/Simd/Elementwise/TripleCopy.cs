using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>Three rows of 32-bit elements to triples and back by AVX-512: transposes with three rows or columns, as images have.</summary>
internal static unsafe class TripleCopy
{
    private const int Lanes = 16;

    // Lane l of vector v of triples is row (16 v + l) % 3 at (16 v + l) / 3.
    private static readonly Vector512<uint>[] s_firstTwo = Tables((row, at, _) => row == 1 ? Lanes + at : at);
    private static readonly Vector512<uint>[] s_third = Tables((row, at, lane) => row == 2 ? Lanes + at : lane);

    // Lane l of row v is element 3 l + v of the triples: of the first two vectors, or else of the third.
    private static readonly Vector512<uint>[] s_fromTwo = [Places(0, false), Places(1, false), Places(2, false)];
    private static readonly Vector512<uint>[] s_fromThird = [Places(0, true), Places(1, true), Places(2, true)];

    /// <summary>Whether the machine has the instructions.</summary>
    public static bool IsSupported => Avx512F.IsSupported;

    /// <summary>to = first[0], second[0], third[0], first[1], …; the rows are <paramref name="stride"/> elements apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Interleave(uint* from, nint stride, uint* to, nint count)
    {
        // Read once: a row has as few as two steps.
        Vector512<uint> first0 = s_firstTwo[0], first1 = s_firstTwo[1], first2 = s_firstTwo[2], third0 = s_third[0], third1 = s_third[1], third2 = s_third[2];
        nint i = 0;
        for (; i <= count - Lanes; i += Lanes, to += 3 * Lanes)
        {
            Vector512<uint> a = Vector512.Load(from + i), b = Vector512.Load(from + stride + i), c = Vector512.Load(from + 2 * stride + i);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, first0, b), third0, c).Store(to);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, first1, b), third1, c).Store(to + Lanes);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, first2, b), third2, c).Store(to + 2 * Lanes);
        }
        for (; i < count; i++, to += 3) (to[0], to[1], to[2]) = (from[i], from[stride + i], from[2 * stride + i]);
    }

    /// <summary>The rows, which are <paramref name="stride"/> elements apart, from triples.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Separate(uint* from, uint* to, nint stride, nint count)
    {
        Vector512<uint> two0 = s_fromTwo[0], two1 = s_fromTwo[1], two2 = s_fromTwo[2], third0 = s_fromThird[0], third1 = s_fromThird[1], third2 = s_fromThird[2];
        nint i = 0;
        for (; i <= count - Lanes; i += Lanes, from += 3 * Lanes)
        {
            Vector512<uint> a = Vector512.Load(from), b = Vector512.Load(from + Lanes), c = Vector512.Load(from + 2 * Lanes);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, two0, b), third0, c).Store(to + i);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, two1, b), third1, c).Store(to + stride + i);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, two2, b), third2, c).Store(to + 2 * stride + i);
        }
        for (; i < count; i++, from += 3) (to[i], to[stride + i], to[2 * stride + i]) = (from[0], from[1], from[2]);
    }

    private static Vector512<uint>[] Tables(Func<int, int, int, int> index) => [.. Enumerable.Range(0, 3).Select(vector => Table(lane => index((Lanes * vector + lane) % 3, (Lanes * vector + lane) / 3, lane)))];

    private static Vector512<uint> Places(int row, bool third) => Table(lane =>
    {
        var at = 3 * lane + row;
        return third ? (at < 2 * Lanes ? lane : at - Lanes) : at % (2 * Lanes);
    });

    private static Vector512<uint> Table(Func<int, int> index)
    {
        Span<uint> indices = stackalloc uint[Lanes];
        for (var lane = 0; lane < Lanes; lane++) indices[lane] = (uint)index(lane);
        return Vector512.Create<uint>(indices);
    }
}
