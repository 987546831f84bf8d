namespace Pith.Compression.Data;

/// <summary>Every augmentation that a policy may list, and the policies that have a name. To add one: a file, and a line here; parser, help and documents follow.</summary>
internal static class AugmentationCatalog
{
    /// <summary>All kinds, in the order in which they are applied.</summary>
    public static IReadOnlyList<AugmentationKind> All { get; } =
    [
        ResizedCrop.Kind,
        ColorJitter.Kind,
        RandAugment.Kind,
        RandomErasing.Kind,
        MixUp.Kind,
        CutMix.Kind,
    ];

    /// <summary>Policies with a name, as they would be written.</summary>
    public static IReadOnlyList<(string Name, string Text, string Help)> Presets { get; } =
    [
        ("none", "", "nothing"),
        ("imagenet", "resized-crop,jitter", "ImageNet, up to about 100 epochs (timm's defaults)"),
        ("imagenet-strong", "resized-crop,randaugment,erase=0.1,mixup,cutmix", "ImageNet, 300 epochs and more (torchvision's later recipes, with RandAugment)"),
        ("cifar", "randaugment=1/5,erase=0.5", "small images, besides crop with padding and flip (Cubuk et al. 2020, section 4.2, with erasing in the place of cutout)"),
    ];

    /// <summary>All of it on one line, for <c>--help</c>.</summary>
    public static string Summary { get; } = $"{string.Join(", ", All.Select(kind => kind.Example))}; or start with {string.Join(", ", Presets.Select(preset => preset.Name))}";

    /// <summary>The tables of docs/training-data.md.</summary>
    public static string Document()
    {
        var lines = new List<string> { "| augmentation | numbers | effect |", "|---|---|---|" };
        lines.AddRange(All.Select(kind => $"| `{kind.Example}` | {kind.Names.Replace("/", ", ", StringComparison.Ordinal)} | {kind.Help} |"));
        lines.AddRange(["", "| name | stands for | for |", "|---|---|---|"]);
        lines.AddRange(Presets.Select(preset => $"| `{preset.Name}` | {(preset.Text.Length == 0 ? "" : $"`{preset.Text}`")} | {preset.Help} |"));
        return string.Join('\n', lines);
    }
}
