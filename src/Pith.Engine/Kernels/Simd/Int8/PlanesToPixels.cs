using System.Runtime.CompilerServices;
using Pith.Building;

namespace Pith.Kernels.Int8;

/// <summary>Quantizes rows of three planes into pixels of four bytes, the last 0: the image that a network of float input gets.</summary>
internal static unsafe class PlanesToPixels<T> where T : struct, ILanes<T>
{
    /// <summary>One row.</summary>
    /// <param name="x">The row of the first plane.</param>
    /// <param name="plane">Elements from plane to plane.</param>
    /// <param name="pixels">[<paramref name="width"/>, 4]</param>
    /// <param name="width">Pixels. When they fill no whole number of vectors, the last vector begins earlier.</param>
    /// <param name="quantizer">The same as <paramref name="to"/>.</param>
    /// <param name="to">Scale and zero point.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Row(float* x, nint plane, byte* pixels, int width, in Quantizer<T> quantizer, Quantization to)
    {
        if (width < T.Count) PlanesToPixels<ScalarLane>.Row(x, plane, pixels, width, new Quantizer<ScalarLane>(to), to);
        else if (quantizer.IsQuick) Row(x, plane, pixels, width, quantizer, isQuick: true);
        else Row(x, plane, pixels, width, quantizer, isQuick: false);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Row(float* x, nint plane, byte* pixels, int width, in Quantizer<T> quantizer, bool isQuick)
    {
        // A local, because what is written might be the constants for all the compiler knows.
        var constants = quantizer;
        float* second = x + plane, third = second + plane;
        for (var i = 0; i < width; i += T.Count)
        {
            i = Math.Min(i, width - T.Count);
            T.StorePixels(pixels + 4 * i, constants.Steps(T.Load(x + i), isQuick), constants.Steps(T.Load(second + i), isQuick), constants.Steps(T.Load(third + i), isQuick), constants.ZeroPoint);
        }
    }
}
