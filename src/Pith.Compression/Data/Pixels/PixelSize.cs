using System.Globalization;

namespace Pith.Compression.Data;

/// <summary>Width and height of an image in pixels. A number alone is a square.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
public readonly record struct PixelSize(int Width, int Height)
{
    /// <summary>A square.</summary>
    public static implicit operator PixelSize(int side) => Square(side);

    /// <summary>A square.</summary>
    public static PixelSize Square(int side) => new(side, side);

    /// <summary>Reads <c>640x480</c> (width 640, height 480) or <c>224</c> (a square).</summary>
    public static bool TryParse(string text, out PixelSize size)
    {
        ArgumentNullException.ThrowIfNull(text);
        var parts = text.Split('x');
        size = default;
        if (parts.Length > 2 || !TryPixels(parts[0], out var width) || !TryPixels(parts[^1], out var height)) return false;
        size = new PixelSize(width, height);
        return true;
    }

    /// <summary>As <see cref="TryParse"/> reads it.</summary>
    public override string ToString() => Width == Height ? $"{Width}" : $"{Width}x{Height}";

    private static bool TryPixels(string text, out int pixels) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out pixels) && pixels is >= 1 and <= Preprocessing.MaxSize;
}
