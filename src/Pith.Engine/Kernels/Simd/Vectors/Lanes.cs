using System.Runtime.CompilerServices;

namespace Pith.Kernels.Simd;

/// <summary>Loads and stores that stop at the end of a row.</summary>
internal static unsafe class Lanes<V> where V : struct, IVec<V>
{
    /// <summary>Reads a vector, or its first <paramref name="valid"/> lanes where fewer are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load(float* source, nint valid) => valid >= V.Count ? V.Load(source) : V.LoadPartial(source, (int)valid);

    /// <summary>Writes a vector, or its first <paramref name="valid"/> lanes where fewer are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, nint valid, V value)
    {
        if (valid >= V.Count) V.Store(destination, value);
        else V.StorePartial(destination, (int)valid, value);
    }

    /// <summary>Writes a vector or its first <paramref name="valid"/> lanes; with non-temporal stores where <see cref="CacheLines.MayStream{V}"/> allowed it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float* destination, nint valid, V value, bool streams)
    {
        if (streams) V.Stream(destination, value);
        else Store(destination, valid, value);
    }
}
