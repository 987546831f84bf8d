using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Pith;

/// <summary>
/// A pattern of zeros in the weight of a layer: 2:4, or V:2:4, in which V consecutive output channels share one 2:4 pattern at each kernel position. Groups of V start at channel 0 of each convolution group; the last one is smaller
/// where V does not divide the channels. Every V:2:4 weight is 2:4 as well. Immutable, value-equal, safe to share between threads.
/// </summary>
public sealed record SparsityPattern
{
    private const string Base = "2:4";

    // Non-zeros of a quad as four bits: more than two of them.
    private static readonly SearchValues<byte> s_tooMany = SearchValues.Create(0b0111, 0b1011, 0b1101, 0b1110, 0b1111);

    private SparsityPattern(int channels) => Channels = channels;

    /// <summary>Two of every four consecutive weights along the reduction axis, each output channel by itself.</summary>
    public static SparsityPattern TwoOfFour { get; } = new(1);

    /// <summary>Every pattern, from the freest to the strictest; each holds where the next one does.</summary>
    public static IReadOnlyList<SparsityPattern> All { get; } = [TwoOfFour, new(4), new(8), new(16), new(32), new(64)];

    /// <summary>V: how many consecutive output channels share a pattern; 1 for plain 2:4.</summary>
    public int Channels { get; }

    /// <summary>Whether output channels share patterns.</summary>
    public bool IsShared => Channels > 1;

    /// <summary>The pattern called <paramref name="text"/>: <c>2:4</c>, <c>16:2:4</c> …</summary>
    /// <exception cref="PithException">There is none; the message lists those that there are.</exception>
    public static SparsityPattern Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return All.FirstOrDefault(pattern => pattern.ToString() == text) ?? throw new PithException($"There is no sparsity pattern '{text}'. Expected one of: {string.Join(", ", All)}.");
    }

    /// <summary>
    /// The strictest pattern that a weight has; null when it is not 2:4 sparse. Where all channels of a convolution group share their patterns, that is the smallest V that takes all of them.
    /// Dense weights are recognized after a few elements.
    /// </summary>
    /// <param name="weights">All elements, row-major.</param>
    /// <param name="layout">Where they lie.</param>
    /// <typeparam name="T">Floats, or integers with zero point 0.</typeparam>
    /// <exception cref="PithException">The length does not fit the layout.</exception>
    public static SparsityPattern? Of<T>(ReadOnlySpan<T> weights, WeightAxes layout) where T : struct, INumberBase<T>
    {
        if (layout.Reduction.Reduction % 4 != 0) return null;
        layout.Reduction.RequireQuads(weights.Length);
        if (NonZeros(weights, layout.Reduction, stopAtThree: true) is not { } quads) return null;
        var (found, perGroup, stride) = (TwoOfFour, layout.OutputsPerGroup, layout.QuadStride);
        for (var next = 1; next < All.Count && All[next - 1].Channels < layout.OutputsPerGroup; next++)
        {
            var factor = All[next].Channels / All[next - 1].Channels;
            quads = Union(quads, perGroup, factor, stride);
            if (quads.AsSpan().ContainsAny(s_tooMany)) break;
            (found, perGroup) = (All[next], (perGroup + factor - 1) / factor);
        }
        return found;
    }

    /// <summary>Where a weight breaks the pattern, for messages; null when it holds.</summary>
    /// <param name="weights">All elements, row-major.</param>
    /// <param name="layout">Where they lie.</param>
    /// <typeparam name="T">Floats, or integers with zero point 0.</typeparam>
    /// <exception cref="PithException">The length does not fit the layout, or the reduction is not a multiple of 4.</exception>
    public string? FirstViolation<T>(ReadOnlySpan<T> weights, WeightAxes layout) where T : struct, INumberBase<T>
    {
        if (layout.Reduction.FirstViolation(weights) is { } violation) return violation.ToString();
        if (!IsShared) return null;
        var quads = NonZeros(weights, layout.Reduction, stopAtThree: false)!;
        foreach (var (first, count) in layout.SharedQuads(Channels))
        {
            var union = 0u;
            for (var channel = 0; channel < count; channel++) union |= quads[first + channel * layout.QuadStride];
            if (BitOperations.PopCount(union) <= 2) continue;
            var (outer, reduction, inner) = layout.Reduction.QuadPlace(first);
            var output = layout.OutputOf(layout.Reduction.QuadOffset(first));
            return $"no common pattern of output channels {output} to {output + count - 1}: together they have {BitOperations.PopCount(union)} non-zeros in the four weights from [{outer}, {reduction}, {inner}]";
        }
        return null;
    }

    /// <summary>The name: <c>2:4</c> or <c>V:2:4</c>.</summary>
    public override string ToString() => IsShared ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Channels}:{Base}") : Base;

    /// <summary>The non-zeros of each quad as four bits, quads in storage order; null when <paramref name="stopAtThree"/> is set and one has more than two.</summary>
    private static byte[]? NonZeros<T>(ReadOnlySpan<T> weights, ReductionLayout layout, bool stopAtThree) where T : struct, INumberBase<T>
    {
        const int QuadsBetweenChecks = 512;
        var quads = new byte[layout.QuadCount];
        var (inner, seen) = (layout.Inner, 0);
        for (var start = 0; start < quads.Length; start += inner)
        {
            // Four rows of the tensor, one for each member of the quads.
            var rows = weights.Slice(start * 4, 4 * inner);
            if (Unsafe.SizeOf<T>() == 1) Bytes(MemoryMarshal.AsBytes(rows), quads.AsSpan(start, inner));
            else Numbers(rows, quads.AsSpan(start, inner));
            var end = start + inner;
            if (!stopAtThree || end - seen < QuadsBetweenChecks && end < quads.Length) continue;
            if (quads.AsSpan(seen..end).ContainsAny(s_tooMany)) return null;
            seen = end;
        }
        return quads;
    }

    private static void Numbers<T>(ReadOnlySpan<T> rows, Span<byte> quads) where T : struct, INumberBase<T>
    {
        var inner = quads.Length;
        for (var i = 0; i < inner; i++) quads[i] = (byte)(NonZero(rows[i]) | NonZero(rows[i + inner]) << 1 | NonZero(rows[i + 2 * inner]) << 2 | NonZero(rows[i + 3 * inner]) << 3);

        static int NonZero(T weight) => T.IsZero(weight) ? 0 : 1;
    }

    // Without branches, which random zeros would mispredict, and eight at a time.
    private static void Bytes(ReadOnlySpan<byte> rows, Span<byte> quads)
    {
        // Moves the lowest bits of four bytes next to each other, into the highest byte.
        const uint Gather = 1 << 24 | 1 << 17 | 1 << 10 | 1 << 3;
        var inner = quads.Length;
        if (inner == 1)
        {
            quads[0] = (byte)((uint)NonZeroBytes(BinaryPrimitives.ReadUInt32LittleEndian(rows)) * Gather >> 24);
            return;
        }
        for (var i = 0; i < inner; i += sizeof(ulong))
        {
            if (inner < sizeof(ulong))
            {
                Numbers(rows, quads);
                return;
            }
            // The last eight may overlap with those before.
            var at = Math.Min(i, inner - sizeof(ulong));
            BinaryPrimitives.WriteUInt64LittleEndian(quads[at..], Row(rows, at) | Row(rows, at + inner) << 1 | Row(rows, at + 2 * inner) << 2 | Row(rows, at + 3 * inner) << 3);
        }

        static ulong Row(ReadOnlySpan<byte> rows, int at) => NonZeroBytes(BinaryPrimitives.ReadUInt64LittleEndian(rows[at..]));
    }

    /// <summary>1 in each byte that is not zero. Adding 127 to the lower seven bits carries into the highest one unless they are zero.</summary>
    private static ulong NonZeroBytes(ulong bytes)
    {
        const ulong LowerBits = 0x7f7f7f7f7f7f7f7f;
        return (bytes | (bytes & LowerBits) + LowerBits) >> 7 & 0x0101010101010101;
    }

    /// <summary>Joins the quads of each <paramref name="factor"/> neighbouring channels of groups of <paramref name="perGroup"/> channels; a channel's quads lie in runs of <paramref name="stride"/>.</summary>
    private static byte[] Union(byte[] quads, int perGroup, int factor, int stride)
    {
        var joinedPerGroup = (perGroup + factor - 1) / factor;
        var groups = quads.Length / (perGroup * stride);
        var joined = new byte[groups * joinedPerGroup * stride];
        for (var group = 0; group < groups; group++)
            for (var channel = 0; channel < perGroup; channel++)
            {
                var from = quads.AsSpan((group * perGroup + channel) * stride, stride);
                var to = joined.AsSpan((group * joinedPerGroup + channel / factor) * stride, stride);
                var i = 0;
                for (; i <= stride - Vector<byte>.Count; i += Vector<byte>.Count) (new Vector<byte>(from[i..]) | new Vector<byte>(to[i..])).CopyTo(to[i..]);
                for (; i < stride; i++) to[i] |= from[i];
            }
        return joined;
    }
}
