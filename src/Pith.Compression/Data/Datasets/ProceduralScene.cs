namespace Pith.Compression.Data;

/// <summary>
/// Draws one image of <see cref="ProceduralDataset"/>. Uses only operations whose result IEEE 754 fixes (no sine or logarithm), so that
/// every machine draws the same bytes.
/// </summary>
internal sealed class ProceduralScene
{
    public const int Side = 32;

    private const int Plane = Side * Side;

    private readonly float[] _rgb = new float[3 * Plane]; // [Side, Side, 3], 0 to 1
    private SeededRandom _random;

    private ProceduralScene(SeededRandom random) => _random = random;

    public static Image Draw(ProceduralShape shape, bool isWarm, SeededRandom random)
    {
        var scene = new ProceduralScene(random);
        var background = scene.DrawBackground();
        for (var strokes = 1 + scene._random.Next(3); strokes > 0; strokes--) scene.DrawClutter();
        scene.DrawObject(shape, isWarm, background);
        if (scene._random.Next(2) == 1) scene.DrawClutter(); // in front
        return new Image(Side, Side, 3, scene.Expose());
    }

    /// <summary>A dull colour of any hue, brighter towards one side, with faint stripes; returns its brightness.</summary>
    private float DrawBackground()
    {
        var brightness = _random.Next(0.15f, 0.85f);
        var color = Hsv(_random.NextFloat(), _random.Next(0f, 0.45f), brightness);
        var (slopeX, slopeY) = Direction(_random.Next(0f, 0.4f) / Side);
        var (stripeX, stripeY) = Direction(_random.Next(0.05f, 0.25f));
        var stripe = _random.Next(0f, 0.12f);
        for (var p = 0; p < Plane; p++)
        {
            var (x, y) = (p % Side - Side / 2, p / Side - Side / 2);
            var light = 1 + slopeX * x + slopeY * y + stripe * Triangle(stripeX * x + stripeY * y);
            (_rgb[3 * p], _rgb[3 * p + 1], _rgb[3 * p + 2]) = (color.R * light, color.G * light, color.B * light);
        }
        return brightness;
    }

    private void DrawObject(ProceduralShape shape, bool isWarm, float background)
    {
        var radius = _random.Next(7f, 12f); // pixels
        var (x, y) = (_random.Next(radius, Side - radius), _random.Next(radius, Side - radius));
        var (cos, sin) = Tilt();
        var stretch = _random.Next(0.9f, 1.1f);
        var hole = _random.Next(0.28f, 0.6f);

        // Brightness keeps a small distance from the background's; how small decides how hard the image is.
        var contrast = _random.Next(0.08f, 0.5f);
        var brightness = background + contrast > 0.95f || (background - contrast > 0.2f && _random.Next(2) == 0) ? background - contrast : background + contrast;
        var color = Hsv(Hue(isWarm), _random.Next(0.3f, 0.85f), brightness);
        Stamp(color, _random.Next(0.85f, 1f), x, y, radius * 1.3f, (dx, dy) =>
            radius * shape.Distance(hole, (cos * dx + sin * dy) / (radius * stretch), (cos * dy - sin * dx) * stretch / radius));
    }

    /// <summary>A short stroke or a spot of either family's colour: colour alone says nothing.</summary>
    private void DrawClutter()
    {
        var color = Hsv(Hue(_random.Next(2) == 0), _random.Next(0.3f, 0.9f), _random.Next(0.3f, 0.95f));
        var (x, y) = (_random.Next(0f, Side), _random.Next(0f, Side));
        var (cos, sin) = Direction(1);
        var (length, width) = (_random.Next(0.5f, 5f), _random.Next(0.5f, 1.4f)); // half of each, pixels
        Stamp(color, _random.Next(0.5f, 1f), x, y, length + width + 1, (dx, dy) =>
        {
            var along = MathF.Max(MathF.Abs(cos * dx + sin * dy) - length, 0);
            var across = cos * dy - sin * dx;
            return MathF.Sqrt(along * along + across * across) - width;
        });
    }

    /// <summary>Paints where <paramref name="distance"/> (pixels, from the centre) is negative, with an edge one pixel wide.</summary>
    private void Stamp((float R, float G, float B) color, float opacity, float centerX, float centerY, float reach, Func<float, float, float> distance)
    {
        var (left, right) = (Math.Max(0, (int)(centerX - reach)), Math.Min(Side - 1, (int)(centerX + reach)));
        var (top, bottom) = (Math.Max(0, (int)(centerY - reach)), Math.Min(Side - 1, (int)(centerY + reach)));
        for (var y = top; y <= bottom; y++)
            for (var x = left; x <= right; x++)
            {
                var cover = opacity * Math.Clamp(0.5f - distance(x + 0.5f - centerX, y + 0.5f - centerY), 0, 1);
                var pixel = _rgb.AsSpan(3 * (y * Side + x), 3);
                pixel[0] += cover * (color.R - pixel[0]);
                pixel[1] += cover * (color.G - pixel[1]);
                pixel[2] += cover * (color.B - pixel[2]);
            }
    }

    /// <summary>Light, a slight colour cast and noise, then 8 bits.</summary>
    private byte[] Expose()
    {
        var bytes = new byte[3 * Plane];
        var light = _random.Next(0.75f, 1.15f);
        var (r, g, b) = (light * _random.Next(0.93f, 1.07f), light, light * _random.Next(0.93f, 1.07f));
        var noise = _random.Next(0.01f, 0.04f); // standard deviation
        for (var p = 0; p < Plane; p++)
        {
            var n = noise * Gaussian();
            bytes[3 * p] = ToByte(_rgb[3 * p] * r + n + 0.5f * noise * Gaussian());
            bytes[3 * p + 1] = ToByte(_rgb[3 * p + 1] * g + n + 0.5f * noise * Gaussian());
            bytes[3 * p + 2] = ToByte(_rgb[3 * p + 2] * b + n + 0.5f * noise * Gaussian());
        }
        return bytes;
    }

    /// <summary>Warm: magenta-red over orange to yellow. Cool: green-cyan over blue to violet. The gaps between the two are narrow.</summary>
    private float Hue(bool isWarm) => isWarm ? _random.Next(-0.11f, 0.2f) : _random.Next(0.37f, 0.76f);

    /// <summary>A vector of the given length in a random direction: a point of the square is taken when it lies in the circle.</summary>
    private (float X, float Y) Direction(float length)
    {
        while (true)
        {
            var (x, y) = (_random.Next(-1f, 1f), _random.Next(-1f, 1f));
            var square = x * x + y * y;
            if (square is > 0.01f and <= 1) return (x * length / MathF.Sqrt(square), y * length / MathF.Sqrt(square));
        }
    }

    /// <summary>Cosine and sine of a turn of up to 30 degrees to either side, by the tangent of half of it.</summary>
    private (float Cos, float Sin) Tilt()
    {
        var t = _random.Next(-0.268f, 0.268f);
        return ((1 - t * t) / (1 + t * t), 2 * t / (1 + t * t));
    }

    /// <summary>About normal, deviation 1: the sum of four uniform numbers of 16 bits.</summary>
    private float Gaussian()
    {
        var bits = _random.NextUInt64();
        var sum = (int)(bits & 0xFFFF) + (int)((bits >> 16) & 0xFFFF) + (int)((bits >> 32) & 0xFFFF) + (int)(bits >> 48);
        return (sum - 2 * 65535) * (1.7320508f / 65536); // each has the variance 1/12 of 65536 squared
    }

    /// <summary>A triangle wave of period 1 between -1 and 1.</summary>
    private static float Triangle(float x) => 4 * MathF.Abs(x - MathF.Floor(x) - 0.5f) - 1;

    /// <summary>Hue in turns, any value; saturation and brightness 0 to 1.</summary>
    private static (float R, float G, float B) Hsv(float hue, float saturation, float brightness)
    {
        float Channel(float offset)
        {
            var turn = hue + offset;
            var away = MathF.Abs((turn - MathF.Floor(turn)) * 6 - 3) - 1; // over 1: full; under 0: none
            return brightness * (1 - saturation * (1 - Math.Clamp(away, 0, 1)));
        }
        return (Channel(0), Channel(2f / 3), Channel(1f / 3));
    }

    private static byte ToByte(float value) => (byte)Math.Clamp((int)(value * 255 + 0.5f), 0, 255);
}
