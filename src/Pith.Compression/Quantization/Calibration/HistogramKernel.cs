using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Pith.Compression.Quantization;

/// <summary>
/// The inner loops of <see cref="Histogram"/>. Both are exact: bin indices come from a multiplication by a power of two and a truncation, so
/// vector width and order of the values do not matter. The plain versions are the specification that the tests hold the fast ones to.
/// </summary>
internal static class HistogramKernel
{
    /// <summary>Values whose bins are computed at once; 16 KB of input and 8 KB of indices stay in the L1 cache beside the sub-histograms.</summary>
    private const int BlockLength = 4096;

    /// <summary>Neighbouring values go to different sub-histograms, so that a run of equal values does not wait for its own last store.</summary>
    private const int SubHistograms = 4;

    /// <summary>Below this length summing up the sub-histograms would cost more than they save.</summary>
    private const int ShortLength = 2 * Histogram.BinCount;

    private const uint AbsMask = 0x7FFF_FFFF;
    private const uint InfinityBits = 0x7F80_0000;

    /// <summary>Reused by every call on the thread; all zero between calls.</summary>
    [ThreadStatic] private static uint[]? t_subCounts;

    /// <summary>What one pass over the values finds before they are counted. <c>Min</c> is at most 0 and <c>Max</c> at least 0.</summary>
    internal readonly record struct Summary(bool IsFinite, float Min, float Max)
    {
        public float MaxAbs => Math.Max(-Min, Max);
    }

    /// <summary>The smallest and the largest value, 0 included, and whether all are finite.</summary>
    internal static Summary Summarize(ReadOnlySpan<float> values)
    {
        ref var first = ref MemoryMarshal.GetReference(values);
        var width = Vector512<float>.Count;
        Vector512<float> min0 = default, min1 = default, max0 = default, max1 = default;
        Vector512<uint> bits0 = default, bits1 = default;
        var mask = Vector512.Create(AbsMask);
        var i = 0;
        for (; i <= values.Length - 2 * width; i += 2 * width)
        {
            var x0 = Vector512.LoadUnsafe(ref first, (nuint)i);
            var x1 = Vector512.LoadUnsafe(ref first, (nuint)(i + width));
            min0 = Vector512.MinNative(min0, x0);
            max0 = Vector512.MaxNative(max0, x0);
            bits0 = Vector512.Max(bits0, x0.AsUInt32() & mask);
            min1 = Vector512.MinNative(min1, x1);
            max1 = Vector512.MaxNative(max1, x1);
            bits1 = Vector512.Max(bits1, x1.AsUInt32() & mask);
        }
        var rest = SummarizePlain(values[i..]);
        var min = Vector512.MinNative(min0, min1);
        var max = Vector512.MaxNative(max0, max1);
        // As integers the bits of finite |x| are ordered like the values, and infinities and NaNs come after all of them.
        var finite = rest.IsFinite && Vector512.LessThanAll(Vector512.Max(bits0, bits1), Vector512.Create(InfinityBits));
        var (low, high) = (rest.Min, rest.Max);
        for (var lane = 0; lane < width; lane++)
        {
            low = Math.Min(low, min[lane]);
            high = Math.Max(high, max[lane]);
        }
        return new Summary(finite, low, high);
    }

    /// <summary>The specification of <see cref="Summarize"/>.</summary>
    internal static Summary SummarizePlain(ReadOnlySpan<float> values)
    {
        var (finite, min, max) = (true, 0f, 0f);
        foreach (var x in values)
        {
            finite &= float.IsFinite(x);
            min = Math.Min(min, x);
            max = Math.Max(max, x);
        }
        return new Summary(finite, min, max);
    }

    /// <summary>
    /// Adds 1 to <c>counts[floor(|x| * binsPerUnit)]</c> for each value. The caller has made sure that every index is below <see cref="Histogram.BinCount"/>.
    /// </summary>
    /// <returns>The number of values that are exactly zero.</returns>
    internal static long Count(ReadOnlySpan<float> values, float binsPerUnit, Span<long> counts)
    {
        if (values.Length < ShortLength) return CountPlain(values, binsPerUnit, counts);
        var subCounts = t_subCounts ??= new uint[SubHistograms * Histogram.BinCount];
        Span<ushort> indices = stackalloc ushort[BlockLength];
        long zeros = 0;
        while (values.Length >= 2 * Vector512<float>.Count)
        {
            var length = Math.Min(values.Length, BlockLength) / (2 * Vector512<float>.Count) * (2 * Vector512<float>.Count);
            zeros += BinIndices(values[..length], binsPerUnit, indices[..length]);
            CountIndices(indices[..length], subCounts);
            values = values[length..];
        }
        for (var bin = 0; bin < Histogram.BinCount; bin++)
            for (var sub = 0; sub < SubHistograms; sub++)
                counts[bin] += subCounts[sub * Histogram.BinCount + bin];
        Array.Clear(subCounts);
        return zeros + CountPlain(values, binsPerUnit, counts);
    }

    /// <summary>The specification of <see cref="Count"/>.</summary>
    internal static long CountPlain(ReadOnlySpan<float> values, float binsPerUnit, Span<long> counts)
    {
        long zeros = 0;
        foreach (var x in values)
        {
            zeros += x == 0 ? 1 : 0;
            counts[(int)(MathF.Abs(x) * binsPerUnit)]++;
        }
        return zeros;
    }

    /// <summary>Writes the bin of each value; the length is a multiple of 32. Returns the number of zeros.</summary>
    private static long BinIndices(ReadOnlySpan<float> values, float binsPerUnit, Span<ushort> indices)
    {
        ref var source = ref MemoryMarshal.GetReference(values);
        ref var target = ref MemoryMarshal.GetReference(indices);
        var scale = Vector512.Create(binsPerUnit);
        var width = Vector512<float>.Count;
        long zeros = 0;
        for (var i = 0; i < values.Length; i += 2 * width)
        {
            var x0 = Vector512.Abs(Vector512.LoadUnsafe(ref source, (nuint)i));
            var x1 = Vector512.Abs(Vector512.LoadUnsafe(ref source, (nuint)(i + width)));
            var zero0 = Vector512.Equals(x0, Vector512<float>.Zero).ExtractMostSignificantBits();
            var zero1 = Vector512.Equals(x1, Vector512<float>.Zero).ExtractMostSignificantBits();
            zeros += BitOperations.PopCount(zero0 | zero1 << width);
            // Indices are below 2048, so neither the native conversion nor the narrowing can meet a value out of range.
            var index0 = Vector512.ConvertToInt32Native(x0 * scale).AsUInt32();
            var index1 = Vector512.ConvertToInt32Native(x1 * scale).AsUInt32();
            Vector512.Narrow(index0, index1).StoreUnsafe(ref target, (nuint)i);
        }
        return zeros;
    }

    /// <summary>Adds 1 to one of the four counters of each index. Four indices arrive in one 64-bit load.</summary>
    private static void CountIndices(ReadOnlySpan<ushort> indices, Span<uint> subCounts)
    {
        const int Mask = Histogram.BinCount - 1;
        var counts0 = subCounts.Slice(0 * Histogram.BinCount, Histogram.BinCount);
        var counts1 = subCounts.Slice(1 * Histogram.BinCount, Histogram.BinCount);
        var counts2 = subCounts.Slice(2 * Histogram.BinCount, Histogram.BinCount);
        var counts3 = subCounts.Slice(3 * Histogram.BinCount, Histogram.BinCount);
        foreach (var four in MemoryMarshal.Cast<ushort, ulong>(indices))
        {
            counts0[(int)four & Mask]++;
            counts1[(int)(four >> 16) & Mask]++;
            counts2[(int)(four >> 32) & Mask]++;
            counts3[(int)(four >> 48) & Mask]++;
        }
    }
}
