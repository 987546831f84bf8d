namespace Pith.Compression.Data;

/// <summary>How pixels are weighed when an image is resized; the filters of Pillow, with antialias. To add one: a line here and in <see cref="ResamplingKernel"/>.</summary>
public enum ResamplingFilter
{
    /// <summary>A triangle, one pixel to each side.</summary>
    Bilinear,

    /// <summary>Cubic convolution with a = -0.5 (Keys 1981), two pixels to each side.</summary>
    Bicubic,

    /// <summary>A sinc with a sinc window, three pixels to each side.</summary>
    Lanczos,
}

/// <summary>The weight of a filter at a distance from its centre.</summary>
internal static class ResamplingKernel
{
    /// <summary>Pixels to each side that a filter reads when it does not reduce the image.</summary>
    public static double Support(ResamplingFilter filter) => filter switch
    {
        ResamplingFilter.Bilinear => 1,
        ResamplingFilter.Bicubic => 2,
        ResamplingFilter.Lanczos => 3,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, null),
    };

    /// <summary>The weight at <paramref name="x"/> pixels from the centre, before all are divided by their sum.</summary>
    public static double Weight(ResamplingFilter filter, double x) => filter switch
    {
        ResamplingFilter.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        ResamplingFilter.Bicubic => Cubic(Math.Abs(x)),
        ResamplingFilter.Lanczos => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0,
        _ => throw new ArgumentOutOfRangeException(nameof(filter), filter, null),
    };

    private static double Cubic(double x)
    {
        const double A = -0.5;
        if (x < 1) return ((A + 2) * x - (A + 3)) * x * x + 1;
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * A : 0;
    }

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(x * Math.PI) / (x * Math.PI);
}
