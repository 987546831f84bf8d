namespace Pith.Compression.Data;

/// <summary>Random changes to training images: a crop of the image padded with black, a mirror image every other time, and whatever a policy lists.</summary>
/// <param name="CropPadding">Pixels of padding on each side from which a window of the original size is cut; 0: none.</param>
/// <param name="HorizontalFlip">Whether half the images are mirrored.</param>
public sealed record Augmentation(int CropPadding, bool HorizontalFlip)
{
    /// <summary>The usual recipe for CIFAR: padding 4 and flip (He et al., "Deep residual learning", 2015, section 4.2).</summary>
    public static Augmentation Cifar { get; } = new(4, true);

    /// <summary>Further augmentations; null: none. The random numbers of crop and flip do not depend on it.</summary>
    public AugmentationPolicy? Policy { get; init; }

    /// <summary>What happens to one sample in one epoch: depends on nothing but the arguments.</summary>
    internal PixelShift Draw(int seed, int epoch, int index)
    {
        var random = new SeededRandom(seed, epoch, index);
        return Draw(ref random);
    }

    /// <summary>The first numbers of a sample's stream; the policy takes those that follow.</summary>
    internal PixelShift Draw(ref SeededRandom random)
    {
        var (x, y) = (random.Next(2 * CropPadding + 1) - CropPadding, random.Next(2 * CropPadding + 1) - CropPadding);
        return new PixelShift(x, y, HorizontalFlip && random.Next(2) == 1);
    }
}
