namespace Pith.Compression.Data;

/// <summary>
/// A random part of the image, resized to the network's input: area and aspect ratio are drawn until the part fits, ten times at most; then it is the largest part in the centre with a permitted ratio
/// (Szegedy et al., "Going deeper with convolutions", 2015, section 6; torchvision's RandomResizedCrop).
/// </summary>
internal sealed record ResizedCrop(double LeastArea, double MostArea, double LeastRatio, double MostRatio) : ICropAugmentation
{
    private const int Attempts = 10;

    public static AugmentationKind Kind { get; } = new("resized-crop",
        [new("least area", 0.08, 0.0001, 1), new("most area", 1, 0.0001, 1), new("least aspect ratio", 0.75, 0.01, 100), new("most aspect ratio", 1.3333, 0.01, 100)],
        "a random part of the image, of a share of its area and a ratio of width to height in these ranges, resized to the network's input; takes the place of resize, centre crop and `crop_padding`",
        values => values[0] <= values[1] && values[2] <= values[3] ? new ResizedCrop(values[0], values[1], values[2], values[3])
            : throw new PithException($"'augment': resized-crop={AugmentationKind.Text(values)}: expected the least area and ratio to be at most the largest ones."));

    public CropWindow Draw(int width, int height, ref SeededRandom random)
    {
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var area = (double)width * height * Between(LeastArea, MostArea, ref random);
            var ratio = Math.Exp(Between(Math.Log(LeastRatio), Math.Log(MostRatio), ref random));
            var (w, h) = ((int)Math.Round(Math.Sqrt(area * ratio)), (int)Math.Round(Math.Sqrt(area / ratio)));
            if (w < 1 || w > width || h < 1 || h > height) continue;
            var top = random.Next(height - h + 1);
            return new CropWindow(random.Next(width - w + 1), top, w, h);
        }
        return Center(width, height);
    }

    private CropWindow Center(int width, int height)
    {
        var ratio = (double)width / height;
        var w = ratio > MostRatio ? Math.Max(1, (int)Math.Round(height * MostRatio)) : width;
        var h = ratio < LeastRatio ? Math.Max(1, (int)Math.Round(width / LeastRatio)) : height;
        return new CropWindow((width - w) / 2, (height - h) / 2, w, h);
    }

    internal static double Between(double low, double high, ref SeededRandom random) => low + random.NextDouble() * (high - low);
}
