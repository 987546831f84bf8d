namespace Pith.Compression.Data;

/// <summary>
/// Moves the pixels of an image: pixel (x, y) of the result is pixel (XX x + XY y + X, YX x + YY y + Y) of the image, coordinates being those of the pixels' centres; what lies outside is black. The nearest pixel is taken, in the
/// 16.16 fixed-point arithmetic of Pillow's Image.transform.
/// </summary>
internal readonly record struct AffineTransform(double XX, double XY, double X, double YX, double YY, double Y)
{
    private const int FractionBits = 16;

    /// <summary>The rotation about the centre by an angle in degrees, counter-clockwise, as in Pillow's Image.rotate.</summary>
    public static AffineTransform Rotation(Image image, double degrees)
    {
        // Pillow takes the angle from 0 to 360 and rounds the coefficients, so that right angles are exact.
        var angle = -(degrees < 0 ? degrees + 360 : degrees) * (Math.PI / 180);
        var (cos, sin) = (Math.Round(Math.Cos(angle), 15), Math.Round(Math.Sin(angle), 15));
        var (centreX, centreY) = (image.Width / 2.0, image.Height / 2.0);
        return new(cos, sin, cos * -centreX + sin * -centreY + centreX, -sin, cos, -sin * -centreX + cos * -centreY + centreY);
    }

    public static Image Apply(Image image, AffineTransform transform)
    {
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        var from = image.Pixels.Span;
        var to = new byte[from.Length];
        var (stepX, stepY) = (Fixed(transform.XX), Fixed(transform.YX));
        var (rowX, rowY) = (Fixed(transform.XY), Fixed(transform.YY));
        var (startX, startY) = (Fixed(transform.X + transform.XX * 0.5 + transform.XY * 0.5), Fixed(transform.Y + transform.YX * 0.5 + transform.YY * 0.5));
        var at = 0;
        for (var y = 0; y < height; y++, startX += rowX, startY += rowY)
        {
            var (fixedX, fixedY) = (startX, startY);
            for (var x = 0; x < width; x++, at += channels, fixedX += stepX, fixedY += stepY)
            {
                var (column, row) = (fixedX >> FractionBits, fixedY >> FractionBits);
                if ((uint)column >= (uint)width || (uint)row >= (uint)height) continue;
                var source = (row * width + column) * channels;
                to[at] = from[source];
                if (channels == 1) continue;
                (to[at + 1], to[at + 2]) = (from[source + 1], from[source + 2]);
            }
        }
        return new Image(width, height, channels, to);
    }

    private static int Fixed(double value) => (int)Math.Floor(value * (1 << FractionBits) + 0.5);
}
