using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>Interleaves the planes of an image with few channels, as network inputs have.</summary>
internal static unsafe class InterleavedPlanes
{
    /// <summary>More planes are a matrix to transpose.</summary>
    public const int Most = 4;

    private const int Lanes = 16;

    private static readonly Vector512<uint>[] s_firstTwo = [FirstTwo(0), FirstTwo(1), FirstTwo(2)];
    private static readonly Vector512<uint>[] s_third = [Third(0), Third(1), Third(2)];

    /// <summary>Writes pixels [<paramref name="columns"/>, <paramref name="planes"/>) of one row; neighbouring planes are <paramref name="stride"/> elements apart.</summary>
    public static void Run(uint* from, nint stride, uint* to, int planes, int columns, IsaLevel isa)
    {
        var done = planes == 3 && isa >= IsaLevel.Avx512Vnni && Avx512F.IsSupported ? Three(from, stride, to, columns) : 0;
        for (var column = done; column < columns; column++)
            for (var plane = 0; plane < planes; plane++) to[column * planes + plane] = from[plane * stride + column];
    }

    // Sixteen pixels at a time; returns how many were written. Lane l of vector v is plane (16 v + l) % 3 of pixel (16 v + l) / 3.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Three(uint* from, nint stride, uint* to, int columns)
    {
        // Made once: a row has as few as two steps.
        Vector512<uint> first0 = s_firstTwo[0], first1 = s_firstTwo[1], first2 = s_firstTwo[2], third0 = s_third[0], third1 = s_third[1], third2 = s_third[2];
        var column = 0;
        for (; column <= columns - Lanes; column += Lanes, to += 3 * Lanes)
        {
            Vector512<uint> a = Vector512.Load(from + column), b = Vector512.Load(from + stride + column), c = Vector512.Load(from + 2 * stride + column);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, first0, b), third0, c).Store(to);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, first1, b), third1, c).Store(to + Lanes);
            Avx512F.PermuteVar16x32x2(Avx512F.PermuteVar16x32x2(a, first2, b), third2, c).Store(to + 2 * Lanes);
        }
        return column;
    }

    // Planes 0 and 1 in place; lanes of plane 2 hold anything.
    private static Vector512<uint> FirstTwo(int vector) => Indices(vector, (plane, pixel, _) => plane == 1 ? Lanes + pixel : pixel);

    private static Vector512<uint> Third(int vector) => Indices(vector, (plane, pixel, lane) => plane == 2 ? Lanes + pixel : lane);

    private static Vector512<uint> Indices(int vector, Func<int, int, int, int> index)
    {
        Span<uint> indices = stackalloc uint[Lanes];
        for (var lane = 0; lane < Lanes; lane++) indices[lane] = (uint)index((Lanes * vector + lane) % 3, (Lanes * vector + lane) / 3, lane);
        return Vector512.Create<uint>(indices);
    }
}
