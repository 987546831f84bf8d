namespace Pith.Kernels;

/// <summary>Four weights in memory order, one in each byte from the lowest on, of which at most two are not zero: which two are kept, and what they are.</summary>
internal static class Quad24
{
    // For each set of non-zeros as four bits: that set, filled up to two from below.
    private static ReadOnlySpan<byte> Filled => [0b0011, 0b0011, 0b0011, 0b0011, 0b0101, 0b0101, 0b0110, 0, 0b1001, 0b1001, 0b1010, 0, 0b1100, 0, 0, 0];

    /// <summary>Two of the four as bits, among them all that are not zero; 0 for more than two of these.</summary>
    public static int Kept(uint quad)
    {
        // Adding 127 to the lower seven bits of a byte carries into the highest one unless they are zero; the product moves four of these next to each other.
        const uint LowerBits = 0x7f7f7f7f, Gather = 1 << 24 | 1 << 17 | 1 << 10 | 1 << 3;
        var nonZero = (quad | (quad & LowerBits) + LowerBits) >> 7 & 0x01010101;
        return Filled[(int)(nonZero * Gather >> 24)];
    }

    /// <summary>The first of the kept weights.</summary>
    public static byte First(uint quad, int kept) => (byte)(quad >> 8 * System.Numerics.BitOperations.TrailingZeroCount(kept));

    /// <summary>The second of the kept weights.</summary>
    public static byte Second(uint quad, int kept) => First(quad, kept & (kept - 1));
}
