namespace Pith.Compression.Data;

/// <summary>A few operations drawn from one list, all of the same magnitude, 0 to 30 (Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", 2020; torchvision's list and ranges).</summary>
internal sealed record RandAugment(int Operations, double Magnitude) : IPixelAugmentation
{
    private const double LargestMagnitude = 30;

    public static AugmentationKind Kind { get; } = new("randaugment",
        [new("operations", 2, 1, 10) { IsWhole = true }, new("magnitude", 9, 0, LargestMagnitude)],
        $"RandAugment: that many operations, drawn from {string.Join(", ", RandAugmentOperation.All.Select(operation => operation.Name))}; what comes in from outside is black",
        values => new RandAugment((int)values[0], values[1]));

    public Image Apply(Image image, ref SeededRandom random)
    {
        for (var i = 0; i < Operations; i++)
        {
            var operation = RandAugmentOperation.All[random.Next(RandAugmentOperation.All.Count)];
            var sign = random.Next(2) == 1 ? -1 : 1;
            image = operation.Apply(image, Magnitude / LargestMagnitude, sign);
        }
        return image;
    }
}

/// <summary>An operation of RandAugment.</summary>
/// <param name="Name">Its name in the paper.</param>
/// <param name="Apply">Applies it: the image, the strength from 0 to 1, and a random sign for operations that have two directions.</param>
internal sealed record RandAugmentOperation(string Name, Func<Image, double, int, Image> Apply)
{
    private const double LargestShear = 0.3, LargestShift = 150.0 / 331, LargestAngle = 30, LargestChange = 0.9, MostBitsCut = 4;

    /// <summary>Every operation.</summary>
    public static IReadOnlyList<RandAugmentOperation> All { get; } =
    [
        new("identity", (image, _, _) => image),
        new("shear-x", (image, strength, sign) => AffineTransform.Apply(image, new(1, sign * strength * LargestShear, 0, 0, 1, 0))),
        new("shear-y", (image, strength, sign) => AffineTransform.Apply(image, new(1, 0, 0, sign * strength * LargestShear, 1, 0))),
        new("translate-x", (image, strength, sign) => AffineTransform.Apply(image, new(1, 0, -sign * (int)(strength * LargestShift * image.Width), 0, 1, 0))),
        new("translate-y", (image, strength, sign) => AffineTransform.Apply(image, new(1, 0, 0, 0, 1, -sign * (int)(strength * LargestShift * image.Height)))),
        new("rotate", (image, strength, sign) => AffineTransform.Apply(image, AffineTransform.Rotation(image, sign * strength * LargestAngle))),
        new("brightness", (image, strength, sign) => Enhancement.Brightness(image, Factor(strength, sign))),
        new("color", (image, strength, sign) => Enhancement.Saturation(image, Factor(strength, sign))),
        new("contrast", (image, strength, sign) => Enhancement.Contrast(image, Factor(strength, sign))),
        new("sharpness", (image, strength, sign) => Enhancement.Sharpness(image, Factor(strength, sign))),
        new("posterize", (image, strength, _) => ToneCurve.Posterize(image, 8 - (int)Math.Round(strength * MostBitsCut))),
        new("solarize", (image, strength, _) => ToneCurve.Solarize(image, 255 * (1 - strength))),
        new("auto-contrast", (image, _, _) => ToneCurve.AutoContrast(image)),
        new("equalize", (image, _, _) => ToneCurve.Equalize(image)),
    ];

    private static float Factor(double strength, int sign) => (float)(1 + sign * strength * LargestChange);
}
