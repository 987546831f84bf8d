namespace Pith.Kernels.Simd;

/// <summary>
/// How a reduction over pixels is cut: into a number of ranges that depends on the shape only (so the result does not depend on threads), and each range into
/// chunks that fit the L1 cache.
/// </summary>
internal readonly struct PixelPartition
{
    private const int MaxPartials = 32;
    private const int ChunkFloats = 4096;
    private readonly nint _pixels;

    /// <summary>Number of ranges, each with a partial result of its own.</summary>
    public int Partials { get; }

    /// <summary>Pixels of a chunk; also the longest chain of additions in one accumulator times four.</summary>
    public int ChunkPixels { get; }

    public PixelPartition(nint pixels, int channels)
    {
        _pixels = pixels;
        ChunkPixels = Math.Max(8, ChunkFloats / Math.Max(1, channels));
        Partials = (int)Math.Clamp(pixels / ChunkPixels, 1, MaxPartials);
    }

    /// <summary>First pixel of a range; that of range <see cref="Partials"/> is the number of pixels.</summary>
    public nint Begin(int partial) => (nint)((long)_pixels * partial / Partials);
}
