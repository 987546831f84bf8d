using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.Intrinsics;

namespace Pith.Compression.Sparsity;

/// <summary>
/// Which weights of a tensor stay: exactly two of every four consecutive ones along the reduction axis (NVIDIA's 2:4 pattern), by themselves or with several output channels alike (<see cref="SparsityPattern"/>).
/// One bit per weight in row-major order.
/// Immutable, value-equal, safe to share between threads. A mask is state: it is made once, saved, and never recomputed while the weights are fine-tuned.
/// </summary>
public sealed class Mask24 : IEquatable<Mask24>
{
    private readonly ulong[] _bits;

    private Mask24(ReductionLayout layout, ulong[] bits) => (Layout, _bits) = (layout, bits);

    /// <summary>How the masked tensor is laid out.</summary>
    public ReductionLayout Layout { get; }

    /// <summary>True when the weight at row-major <paramref name="index"/> stays.</summary>
    public bool this[int index] => (_bits[index >> 6] >> (index & 63) & 1) != 0;

    /// <summary>The mask that keeps, in each quad, the pair with the largest sum of magnitudes; of equal pairs the one with the lowest indices.</summary>
    /// <param name="weights">Row-major weights, as many as the layout has elements.</param>
    /// <param name="layout">Where the reduction axis lies; its size must be a multiple of 4.</param>
    /// <exception cref="PithException">The length does not fit, or the reduction is not a multiple of 4.</exception>
    public static Mask24 ByMagnitude(ReadOnlySpan<float> weights, ReductionLayout layout) => ByMagnitude(weights, new WeightAxes(layout), SparsityPattern.TwoOfFour);

    /// <summary>The mask of a pattern: the quads of the output channels that share it keep the pair with the largest sum of magnitudes over all of them; of equal pairs the one with the lowest indices.</summary>
    /// <param name="weights">Row-major weights, as many as the layout has elements.</param>
    /// <param name="layout">Where the reduction axis and the output channels lie; the reduction must be a multiple of 4.</param>
    /// <param name="pattern">How many output channels share a pattern.</param>
    /// <exception cref="PithException">The length does not fit, or the reduction is not a multiple of 4.</exception>
    public static Mask24 ByMagnitude(ReadOnlySpan<float> weights, WeightAxes layout, SparsityPattern pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var reduction = layout.Reduction;
        reduction.RequireQuads(weights.Length);
        var bits = new ulong[(reduction.Length + 63) / 64];
        Span<double> sums = stackalloc double[4];
        foreach (var (quad, channels) in layout.SharedQuads(pattern.Channels))
        {
            sums.Clear();
            for (var channel = 0; channel < channels; channel++)
            {
                var offset = reduction.QuadOffset(quad + channel * layout.QuadStride);
                for (var i = 0; i < 4; i++) sums[i] += Math.Abs((double)weights[offset + i * reduction.Inner]);
            }
            var first = LargestExcept(sums, -1);
            var second = LargestExcept(sums, first);
            for (var channel = 0; channel < channels; channel++)
            {
                var offset = reduction.QuadOffset(quad + channel * layout.QuadStride);
                Keep(bits, offset + first * reduction.Inner);
                Keep(bits, offset + second * reduction.Inner);
            }
        }
        return new Mask24(reduction, bits);
    }

    /// <summary>
    /// The mask of weights that are 2:4 sparse already, read from their zeros: every non-zero stays, and a quad with fewer than two keeps its
    /// first zeros as well. So a pruned file needs no other record of its masks.
    /// </summary>
    /// <returns>The mask, or null when some quad has more than two non-zeros or the reduction is not a multiple of 4.</returns>
    public static Mask24? FromZeros(ReadOnlySpan<float> weights, ReductionLayout layout) => FromZeros(weights, new WeightAxes(layout), SparsityPattern.TwoOfFour);

    /// <summary>The mask of weights that have <paramref name="pattern"/> already, read from their zeros: what is not zero in one of the channels that share a quad's pattern stays in all of them.</summary>
    /// <returns>The mask, or null when the weights break the pattern or the reduction is not a multiple of 4.</returns>
    public static Mask24? FromZeros(ReadOnlySpan<float> weights, WeightAxes layout, SparsityPattern pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        if (layout.Reduction.Reduction % 4 != 0 || layout.Reduction.Length != weights.Length || pattern.FirstViolation(weights, layout) is not null) return null;
        // Non-zeros outweigh zeros, and among zeros the lowest indices win the tie.
        return ByMagnitude(weights, layout, pattern);
    }

    /// <summary>Sets every masked weight to zero, in place. Also for gradients and optimiser state of the same shape.</summary>
    /// <exception cref="PithException">The length does not fit the mask.</exception>
    public void Apply(Span<float> weights)
    {
        Layout.RequireQuads(weights.Length);
        Copy(weights, weights, 0);
    }

    /// <summary>Sets every masked element to zero, in place.</summary>
    /// <typeparam name="T">A float type.</typeparam>
    /// <exception cref="PithException">The length does not fit the mask.</exception>
    public void Apply<T>(Span<T> weights) where T : unmanaged, INumberBase<T>
    {
        Layout.RequireQuads(weights.Length);
        for (var i = 0; i < weights.Length; i++)
            if (!this[i]) weights[i] = T.Zero;
    }

    /// <summary>Copies a part of a tensor of the mask's shape, with zeros where the mask has them.</summary>
    /// <param name="from">The part.</param>
    /// <param name="to">Of the same length; may be <paramref name="from"/> itself.</param>
    /// <param name="first">The row-major index of its first element, a multiple of 64.</param>
    internal void Copy(ReadOnlySpan<float> from, Span<float> to, int first)
    {
        var lanes = Vector512.Create(1u, 1u << 1, 1u << 2, 1u << 3, 1u << 4, 1u << 5, 1u << 6, 1u << 7, 1u << 8, 1u << 9, 1u << 10, 1u << 11, 1u << 12, 1u << 13, 1u << 14, 1u << 15);
        var i = 0;
        for (; i <= from.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            var kept = Vector512.Create((uint)(_bits[(first + i) >> 6] >> (i & 63)) & 0xFFFF) & lanes;
            Vector512.AndNot(Vector512.Create(from[i..]), Vector512.Equals(kept, Vector512<uint>.Zero).AsSingle()).CopyTo(to[i..]);
        }
        for (; i < from.Length; i++) to[i] = this[first + i] ? from[i] : 0;
    }

    /// <summary>The row-major index of the first masked weight that is not zero; null when the mask is kept.</summary>
    /// <exception cref="PithException">The length does not fit the mask.</exception>
    public int? FirstUnmasked(ReadOnlySpan<float> weights)
    {
        Layout.RequireQuads(weights.Length);
        for (var i = 0; i < weights.Length; i++)
            if (weights[i] != 0 && !this[i]) return i;
        return null;
    }

    /// <summary>The share of the sum of |w| that the mask keeps, from 0 to 1; 1 when all weights are zero.</summary>
    /// <exception cref="PithException">The length does not fit the mask.</exception>
    public double KeptMagnitude(ReadOnlySpan<float> weights)
    {
        Layout.RequireQuads(weights.Length);
        double kept = 0, all = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            var magnitude = Math.Abs((double)weights[i]);
            all += magnitude;
            if (this[i]) kept += magnitude;
        }
        return all == 0 ? 1 : kept / all;
    }

    /// <summary>The mask as bytes: three little-endian int32 of the layout, then one bit per weight, lowest bit first.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[HeaderBytes + 8 * _bits.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Layout.Outer);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), Layout.Reduction);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), Layout.Inner);
        for (var i = 0; i < _bits.Length; i++) BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(HeaderBytes + 8 * i), _bits[i]);
        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote.</summary>
    /// <exception cref="PithException">The bytes are cut off, of another length, or keep other than two of some four weights.</exception>
    public static Mask24 FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderBytes) throw new PithException($"A 2:4 mask needs at least {HeaderBytes} bytes, got {bytes.Length}. The file is cut off.");
        var (outer, reduction, inner) = (BinaryPrimitives.ReadInt32LittleEndian(bytes), BinaryPrimitives.ReadInt32LittleEndian(bytes[4..]), BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]));
        var length = (Int128)outer * reduction * inner;
        if (outer < 0 || reduction < 0 || inner < 0 || reduction % 4 != 0 || length > Array.MaxLength)
            throw new PithException($"A 2:4 mask declares the impossible layout [{outer}, {reduction}, {inner}]. The file is damaged.");
        var bits = new ulong[(int)((length + 63) / 64)];
        if (bytes.Length != HeaderBytes + 8 * bits.Length)
            throw new PithException($"A 2:4 mask of layout [{outer}, {reduction}, {inner}] needs {HeaderBytes + 8 * bits.Length} bytes, got {bytes.Length}. The file is damaged.");
        for (var i = 0; i < bits.Length; i++) bits[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes[(HeaderBytes + 8 * i)..]);
        var mask = new Mask24(new ReductionLayout(outer, reduction, inner), bits);
        return mask.KeepsTwoOfFour() ? mask : throw new PithException($"A mask of layout [{outer}, {reduction}, {inner}] does not keep two of every four weights. The file is damaged.");
    }

    /// <inheritdoc/>
    public bool Equals(Mask24? other) => other is not null && Layout == other.Layout && _bits.AsSpan().SequenceEqual(other._bits);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Mask24);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Layout);
        foreach (var word in _bits) hash.Add(word);
        return hash.ToHashCode();
    }

    private const int HeaderBytes = 12;

    private bool KeepsTwoOfFour()
    {
        for (var q = 0; q < Layout.QuadCount; q++)
        {
            var offset = Layout.QuadOffset(q);
            var kept = 0;
            for (var i = 0; i < 4; i++) kept += this[offset + i * Layout.Inner] ? 1 : 0;
            if (kept != 2) return false;
        }
        // No bit may be set after the last weight: equal masks must have equal bits.
        return _bits.Sum(word => BitOperations.PopCount(word)) == Layout.Length / 2;
    }

    /// <summary>
    /// The index of the largest magnitude that is not at <paramref name="taken"/>; of equal ones the lowest. The two largest make the best of the six
    /// patterns, without the rounding of their sums.
    /// </summary>
    private static int LargestExcept(ReadOnlySpan<double> quad, int taken)
    {
        var best = taken == 0 ? 1 : 0;
        for (var i = best + 1; i < 4; i++)
            if (i != taken && quad[i] > quad[best]) best = i;
        return best;
    }

    private static void Keep(ulong[] bits, int index) => bits[index >> 6] |= 1UL << (index & 63);
}
