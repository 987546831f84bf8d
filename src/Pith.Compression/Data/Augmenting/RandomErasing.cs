namespace Pith.Compression.Data;

/// <summary>Sets a random rectangle to 0 with a given probability: 2% to 33% of the area, with a ratio of height to width of 0.3 to 3.3 (Zhong et al., "Random erasing data augmentation", 2020; torchvision's RandomErasing). After normalisation, 0 is the mean colour.</summary>
internal sealed record RandomErasing(double Probability) : IValueAugmentation
{
    private const double LeastArea = 0.02, MostArea = 0.33, LeastRatio = 0.3, MostRatio = 3.3;
    private const int Attempts = 10;

    public static AugmentationKind Kind { get; } = new("erase", [new("probability", 0.25, 0, 1)],
        "random erasing: with this probability, a rectangle of 2% to 33% of the area becomes 0, which is the mean colour (black for networks that take bytes)",
        values => new RandomErasing(values[0]));

    public void Apply(Span<float> chw, ImageShape shape, ref SeededRandom random)
    {
        if (random.NextDouble() >= Probability) return;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var area = shape.Height * (double)shape.Width * ResizedCrop.Between(LeastArea, MostArea, ref random);
            var ratio = Math.Exp(ResizedCrop.Between(Math.Log(LeastRatio), Math.Log(MostRatio), ref random));
            var (height, width) = ((int)Math.Round(Math.Sqrt(area * ratio)), (int)Math.Round(Math.Sqrt(area / ratio)));
            if (height >= shape.Height || width >= shape.Width) continue;
            var top = random.Next(shape.Height - height + 1);
            var left = random.Next(shape.Width - width + 1);
            for (var channel = 0; channel < shape.Channels; channel++)
                for (var y = top; y < top + height; y++) chw.Slice((channel * shape.Height + y) * shape.Width + left, width).Clear();
            return;
        }
    }
}
