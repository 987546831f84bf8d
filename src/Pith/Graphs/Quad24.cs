namespace Pith;

/// <summary>Four weights of which at most two are not zero, as the two that are kept and their places. Pure functions.</summary>
public static class Quad24
{
    // For each set of non-zeros as four bits the two places, first | second << 2: those of the set, filled up from below. Sets of more than two have none.
    private static ReadOnlySpan<byte> Kept => [0b0100, 0b0100, 0b0100, 0b0100, 0b1000, 0b1000, 0b1001, 0, 0b1100, 0b1100, 0b1101, 0, 0b1110, 0, 0, 0];

    // The numbers that two places can be: the first is less than the second.
    private const int Valid = 1 << 0b0100 | 1 << 0b1000 | 1 << 0b1100 | 1 << 0b1001 | 1 << 0b1101 | 1 << 0b1110;

    /// <summary>The places of two weights among which are all that are not zero: the first in the lower two bits, a larger one in the next two.</summary>
    /// <param name="nonZeros">A bit for each of the four that is not zero; at most two of them.</param>
    public static int PlacesOf(int nonZeros) => Kept[nonZeros];

    /// <summary>Whether a number of four bits is two places as <see cref="PlacesOf"/> gives them.</summary>
    public static bool AreValid(int places) => (Valid >> places & 1) != 0;

    /// <summary>Which of four bytes in memory order are not zero, as bits.</summary>
    /// <param name="bytes">The four as a number whose lowest byte is the first.</param>
    public static int NonZeros(uint bytes)
    {
        // Adding 127 to the lower seven bits of a byte carries into the highest one unless they are zero; the product moves four of these next to each other.
        const uint LowerBits = 0x7f7f7f7f, Gather = 1 << 24 | 1 << 17 | 1 << 10 | 1 << 3;
        return (int)(((bytes | (bytes & LowerBits) + LowerBits) >> 7 & 0x01010101) * Gather >> 24);
    }
}
