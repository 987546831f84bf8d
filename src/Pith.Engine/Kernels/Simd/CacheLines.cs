using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Pith.Kernels.Simd;

/// <summary>Prefetching and non-temporal stores for loops over large images.</summary>
internal static unsafe class CacheLines
{
    /// <summary>Results with more bytes than this do not stay in the caches until the next layer reads them. Non-temporal stores save reading each of their lines before it is written.</summary>
    public const long StreamedBytes = 8 << 20;

    private const int LineFloats = 16;

    /// <summary>
    /// Fetches <paramref name="count"/> floats into the first-level cache, before a loop reads them column by column: such a loop touches lines in an order that the processor's prefetchers do not follow,
    /// and fetching the block line by line first reads memory at nearly its full rate. <paramref name="from"/> may be null. The block should take less than half of that cache.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(float* from, nint count)
    {
        if (!Sse.IsSupported || from == null) return;
        for (var end = from + count; from < end; from += LineFloats) Sse.Prefetch0(from);
    }

    /// <summary>Whether [pixels, channels] at <paramref name="to"/> should be written with non-temporal stores of <typeparamref name="V"/>: it is large, and each vector is one whole cache line.</summary>
    public static bool MayStream<V>(float* to, nint pixels, int channels) where V : struct, IVec<V> =>
        V.Count == LineFloats && channels % LineFloats == 0 && (nint)to % (LineFloats * sizeof(float)) == 0 && (long)pixels * channels * sizeof(float) > StreamedBytes;

    /// <summary>Makes the non-temporal stores of this thread visible to other threads.</summary>
    public static void Fence()
    {
        if (Sse.IsSupported) Sse.StoreFence();
    }
}
