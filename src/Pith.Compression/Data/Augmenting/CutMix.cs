namespace Pith.Compression.Data;

/// <summary>A rectangle of each image comes from another one of the batch, and its label in proportion to the area, of which 1 - Beta(alpha, alpha) is aimed at (Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", 2019).</summary>
internal sealed record CutMix(double Alpha) : IMixAugmentation
{
    public static AugmentationKind Kind { get; } = new("cutmix", [new("alpha", 1, 0.01, 100)],
        "cutmix: a rectangle of each image is taken from another one of the batch, its label by the share of the area, from Beta(alpha, alpha)", values => new CutMix(values[0]));

    public BatchMix Draw(ImageShape shape, ref SeededRandom random)
    {
        var half = 0.5 * Math.Sqrt(1 - BetaDistribution.Draw(Alpha, ref random));
        var (left, right) = Range(shape.Width, half, ref random);
        var (top, bottom) = Range(shape.Height, half, ref random);
        var window = new CropWindow(left, top, right - left, bottom - top);
        return new((float)(1 - (double)window.Width * window.Height / ((double)shape.Width * shape.Height)), window);
    }

    private static (int First, int End) Range(int size, double half, ref SeededRandom random)
    {
        var (centre, reach) = (random.Next(size), (int)(half * size));
        return (Math.Max(0, centre - reach), Math.Min(size, centre + reach));
    }
}
