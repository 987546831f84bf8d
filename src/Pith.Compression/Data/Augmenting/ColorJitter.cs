namespace Pith.Compression.Data;

/// <summary>Brightness, contrast, saturation and hue, each changed at random, in a random order (torchvision's ColorJitter): the first three by a factor of 1 - x to 1 + x, hue by -x to x of a turn.</summary>
internal sealed record ColorJitter(double Brightness, double Contrast, double Saturation, double Hue) : IPixelAugmentation
{
    public static AugmentationKind Kind { get; } = new("jitter",
        [new("brightness", 0.4, 0, 10), new("contrast", null, 0, 10), new("saturation", null, 0, 10), new("hue", 0, 0, 0.5)],
        "colour jitter, in random order: a factor from 1 - x to 1 + x for brightness, contrast and saturation (one number is for all three), hue by up to x of a turn",
        values => new ColorJitter(values[0], values[1], values[2], values[3]));

    public Image Apply(Image image, ref SeededRandom random)
    {
        Span<int> order = [0, 1, 2, 3];
        random.Shuffle(order);
        // All are drawn, so that what one does not depend on whether others are in use.
        var (brightness, contrast, saturation) = (Factor(Brightness, ref random), Factor(Contrast, ref random), Factor(Saturation, ref random));
        var turn = ResizedCrop.Between(-Hue, Hue, ref random);
        foreach (var step in order)
            image = step switch
            {
                0 => Brightness > 0 ? Enhancement.Brightness(image, brightness) : image,
                1 => Contrast > 0 ? Enhancement.Contrast(image, contrast) : image,
                2 => Saturation > 0 ? Enhancement.Saturation(image, saturation) : image,
                _ => Hue > 0 ? HueShift.Apply(image, turn) : image,
            };
        return image;
    }

    private static float Factor(double range, ref SeededRandom random) => (float)ResizedCrop.Between(Math.Max(0, 1 - range), 1 + range, ref random);
}
