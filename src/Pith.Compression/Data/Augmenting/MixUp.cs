namespace Pith.Compression.Data;

/// <summary>Blends each image and its label with another one of the batch; the share of each batch is a number of Beta(alpha, alpha) (Zhang et al., "mixup: beyond empirical risk minimization", 2018).</summary>
internal sealed record MixUp(double Alpha) : IMixAugmentation
{
    public static AugmentationKind Kind { get; } = new("mixup", [new("alpha", 0.2, 0.01, 100)],
        "mixup: each image and its label are blended with another one of the batch, by a share from Beta(alpha, alpha); with `cutmix`, each batch takes one of both at random", values => new MixUp(values[0]));

    public BatchMix Draw(ImageShape shape, ref SeededRandom random) => new((float)BetaDistribution.Draw(Alpha, ref random), null);
}
