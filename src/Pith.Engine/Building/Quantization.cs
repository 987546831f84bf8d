namespace Pith.Building;

/// <summary>How one quantized tensor stands for real numbers: real = (q - zero point) * scale.</summary>
/// <param name="Scale">Positive.</param>
/// <param name="ZeroPoint">In the range of <paramref name="Type"/>.</param>
/// <param name="Type">int8 or uint8.</param>
internal readonly record struct Quantization(float Scale, int ZeroPoint, DataType Type)
{
    /// <summary>The zero point of the unsigned bytes in which the engine stores activations (see <see cref="Layout.ChannelsLast"/>).</summary>
    public int StoredZeroPoint => Type == DataType.Int8 ? ZeroPoint + 128 : ZeroPoint;

    public override string ToString() => $"{Type.ShortName()} scale {Scale:R} zero {ZeroPoint}";
}
