using System.Runtime.Intrinsics;

namespace Pith.Kernels;

/// <summary>bfloat16: the upper half of a 32-bit float. Written once; the conversion instructions round in the same way, but take denormal numbers for 0, as the product instructions do.</summary>
internal static class Bfloat16
{
    /// <summary>The bits of the nearest bfloat16, ties to even. NaN stays NaN; what is nearer to 2^128 than to the largest finite one becomes infinity.</summary>
    public static ushort Round(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        // A NaN whose upper bits are those of infinity would become it.
        if (float.IsNaN(value)) return (ushort)(bits >> 16 | 0x40);
        return (ushort)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }

    /// <summary>Pairs of <see cref="Round"/>: the first of each in the low half.</summary>
    public static Vector512<uint> RoundPairs(Vector512<float> first, Vector512<float> second) => Rounded(first) >> 16 | (Rounded(second) & Vector512.Create(0xFFFF0000));

    /// <summary>The same of half as many.</summary>
    public static Vector256<uint> RoundPairs(Vector256<float> first, Vector256<float> second) => RoundPairs(first.ToVector512(), second.ToVector512()).GetLower();

    /// <summary>The float of the same value.</summary>
    public static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    // In the upper halves.
    private static Vector512<uint> Rounded(Vector512<float> values)
    {
        var bits = values.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + (bits >> 16 & Vector512<uint>.One);
        return Vector512.ConditionalSelect(Vector512.Equals(values, values).AsUInt32(), rounded, bits | Vector512.Create(0x400000u));
    }
}
