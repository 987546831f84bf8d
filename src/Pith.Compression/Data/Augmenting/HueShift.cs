namespace Pith.Compression.Data;

/// <summary>Turns the hue of a colour image through 8-bit hue, saturation and value, with Pillow's conversions and torchvision's rounding of the angle.</summary>
internal static class HueShift
{
    /// <param name="image">The image; grey has no hue and is given back.</param>
    /// <param name="turn">-0.5 to 0.5 of a turn.</param>
    public static Image Apply(Image image, double turn)
    {
        if (image.Channels == 1) return image;
        var shift = (byte)(int)(turn * 255);
        var pixels = image.Pixels.Span;
        var turned = GC.AllocateUninitializedArray<byte>(pixels.Length);
        for (var i = 0; i < pixels.Length; i += 3)
        {
            var (hue, saturation, value) = ToHsv(pixels[i], pixels[i + 1], pixels[i + 2]);
            (turned[i], turned[i + 1], turned[i + 2]) = ToRgb((byte)(hue + shift), saturation, value);
        }
        return new Image(image.Width, image.Height, 3, turned);
    }

    private static (byte Hue, byte Saturation, byte Value) ToHsv(byte red, byte green, byte blue)
    {
        var (most, least) = (Math.Max(red, Math.Max(green, blue)), Math.Min(red, Math.Min(green, blue)));
        if (most == least) return (0, 0, most);
        float range = most - least;
        var saturation = range / most;
        var (r, g, b) = ((most - red) / range, (most - green) / range, (most - blue) / range);
        var sextant = red == most ? b - g : green == most ? (float)(2.0 + r - b) : (float)(4.0 + g - r);
        var hue = (float)((sextant / 6.0 + 1.0) % 1.0);
        return ((byte)Math.Clamp((int)(hue * 255.0), 0, 255), (byte)Math.Clamp((int)(saturation * 255.0), 0, 255), most);
    }

    private static (byte Red, byte Green, byte Blue) ToRgb(byte hue, byte saturation, byte value)
    {
        if (saturation == 0) return (value, value, value);
        var sextant = (int)(hue * 6.0 / 255.0);
        var rest = (float)(hue * 6.0 / 255.0 - sextant);
        var strength = (float)(saturation / 255.0f);
        var (p, q, t) = (Part(1.0 - strength), Part(1.0 - strength * rest), Part(1.0 - strength * (1.0 - rest)));
        return (sextant % 6) switch
        {
            0 => (value, t, p),
            1 => (q, value, p),
            2 => (p, value, t),
            3 => (p, q, value),
            4 => (t, p, value),
            _ => (value, p, q),
        };

        byte Part(double share) => (byte)Math.Clamp((int)Math.Round(value * share, MidpointRounding.AwayFromZero), 0, 255);
    }
}
