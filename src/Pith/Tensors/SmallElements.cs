namespace Pith;

/// <summary>A signed integer of four bits, -8 to 7. A file holds two in a byte, a tensor one.</summary>
public readonly record struct Int4
{
    private readonly sbyte _value;

    private Int4(int value) => _value = (sbyte)(value << 28 >> 28);

    /// <summary>The integer.</summary>
    public static implicit operator int(Int4 value) => value._value;

    /// <summary>The lowest four bits of an integer.</summary>
    public static explicit operator Int4(int value) => new(value);
}

/// <summary>An unsigned integer of four bits, 0 to 15. A file holds two in a byte, a tensor one.</summary>
public readonly record struct UInt4
{
    private readonly byte _value;

    private UInt4(int value) => _value = (byte)(value & 15);

    /// <summary>The integer.</summary>
    public static implicit operator int(UInt4 value) => value._value;

    /// <summary>The lowest four bits of an integer.</summary>
    public static explicit operator UInt4(int value) => new(value);
}

/// <summary>The upper half of a 32-bit IEEE float: 8 bits of exponent, 7 of mantissa.</summary>
public readonly record struct BFloat16
{
    private readonly ushort _bits;

    private BFloat16(ushort bits) => _bits = bits;

    /// <summary>The number.</summary>
    public static implicit operator float(BFloat16 value) => BitConverter.UInt32BitsToSingle((uint)value._bits << 16);

    /// <summary>The nearest number, ties to even.</summary>
    public static explicit operator BFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? new(0x7FC0) : new((ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16));
    }
}

/// <summary>ONNX float8e4m3fn: 4 bits of exponent, 3 of mantissa, no infinity; the largest number is 448. Micikevicius et al. 2022.</summary>
public readonly record struct Float8E4M3
{
    private readonly byte _bits;

    private Float8E4M3(byte bits) => _bits = bits;

    /// <summary>The number.</summary>
    public static implicit operator float(Float8E4M3 value) => (value._bits & 0x7F) == 0x7F ? float.NaN : Float8.Decode(value._bits, mantissaBits: 3, bias: 7);

    /// <summary>The nearest number, ties to even; what is larger than the largest becomes that.</summary>
    public static explicit operator Float8E4M3(float value) => new(Float8.Encode(value, mantissaBits: 3, bias: 7, largest: 0x7E, nan: 0x7F));
}

/// <summary>ONNX float8e5m2: 5 bits of exponent, 2 of mantissa; the largest number is 57344. Micikevicius et al. 2022.</summary>
public readonly record struct Float8E5M2
{
    private readonly byte _bits;

    private Float8E5M2(byte bits) => _bits = bits;

    /// <summary>The number.</summary>
    public static implicit operator float(Float8E5M2 value) => (value._bits & 0x7F) switch
    {
        0x7C => value._bits == 0x7C ? float.PositiveInfinity : float.NegativeInfinity,
        > 0x7C => float.NaN,
        _ => Float8.Decode(value._bits, mantissaBits: 2, bias: 15),
    };

    /// <summary>The nearest number, ties to even; what is larger than the largest becomes that, infinity too.</summary>
    public static explicit operator Float8E5M2(float value) => new(Float8.Encode(value, mantissaBits: 2, bias: 15, largest: 0x7B, nan: 0x7F));
}

/// <summary>The two formats of 8-bit floats: sign, exponent, mantissa; with an exponent of 0 the mantissa has no leading one.</summary>
internal static class Float8
{
    public static float Decode(byte bits, int mantissaBits, int bias)
    {
        var (exponent, mantissa) = ((bits & 0x7F) >> mantissaBits, bits & ((1 << mantissaBits) - 1));
        var magnitude = exponent == 0 ? MathF.ScaleB(mantissa, 1 - bias - mantissaBits) : MathF.ScaleB((1 << mantissaBits) + mantissa, exponent - bias - mantissaBits);
        return bits >= 0x80 ? -magnitude : magnitude;
    }

    public static byte Encode(float value, int mantissaBits, int bias, byte largest, byte nan)
    {
        var sign = float.IsNegative(value) ? 0x80 : 0;
        if (float.IsNaN(value)) return (byte)(sign | nan);
        double magnitude = Math.Abs(value);
        if (magnitude >= Decode(largest, mantissaBits, bias)) return (byte)(sign | largest);
        // Between two powers of two the numbers are equally far apart, and below the smallest normal one, too.
        var exponent = Math.Max(Math.ILogB(magnitude), 1 - bias);
        var steps = (int)Math.Round(Math.ScaleB(magnitude, mantissaBits - exponent), MidpointRounding.ToEven);
        // Rounding up to the next power of two carries into the exponent by itself.
        return (byte)(sign | (((exponent + bias - 1) << mantissaBits) + steps));
    }
}
