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

    /// <summary>The float of the same value.</summary>
    public static float Widen(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
