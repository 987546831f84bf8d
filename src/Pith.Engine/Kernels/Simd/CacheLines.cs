using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>
/// Fetches a block of memory before a loop reads it column by column. Such a loop touches cache lines in an order that the processor's prefetchers do not follow; fetching the block line by line first
/// reads memory at nearly its full rate.
/// </summary>
internal static unsafe class CacheLines
{
    private const int LineFloats = 16;

    /// <summary>Fetches <paramref name="count"/> floats into the first-level cache; <paramref name="from"/> may be null. The block should take less than half of that cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(float* from, nint count)
    {
        if (!Sse.IsSupported || from == null) return;
        for (var end = from + count; from < end; from += LineFloats) Sse.Prefetch0(from);
    }
}
