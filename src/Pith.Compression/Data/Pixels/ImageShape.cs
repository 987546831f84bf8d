namespace Pith.Compression.Data;

/// <summary>The shape of one network input without the batch axis.</summary>
/// <param name="Channels">Planes.</param>
/// <param name="Height">Rows of a plane.</param>
/// <param name="Width">Elements of a row.</param>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <summary>Elements in all.</summary>
    public int Elements => checked(Channels * Height * Width);

    /// <summary>For example <c>3x224x224</c>.</summary>
    public override string ToString() => $"{Channels}x{Height}x{Width}";
}
