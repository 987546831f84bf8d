using System.Runtime.InteropServices;

namespace Pith.Bench;

/// <summary>Operand memory; it lives as long as the process.</summary>
internal static unsafe class Operand
{
    private static readonly Random Source = new(1);

    /// <summary>Floats in [-1, 1), 64-byte aligned.</summary>
    public static float* Random(long floats)
    {
        var pointer = Zeros(floats);
        for (long i = 0; i < floats; i++) pointer[i] = 2 * Source.NextSingle() - 1;
        return pointer;
    }

    /// <summary>Zeros, 64-byte aligned.</summary>
    public static float* Zeros(long floats)
    {
        var bytes = (nuint)Math.Max(floats, 1) * sizeof(float);
        var pointer = (float*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(pointer, bytes);
        return pointer;
    }
}
