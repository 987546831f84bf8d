namespace Pith.Compression.Data;

/// <summary>The preprocessings that have a name, and which one a model takes. To add one: a line in <see cref="All"/>.</summary>
public static class PreprocessingCatalog
{
    /// <summary>Each by its name, in the order in which help shows them.</summary>
    public static IReadOnlyList<(string Name, Preprocessing Value)> All { get; } =
    [
        ("imagenet", Preprocessing.ImageNet),
        ("cifar10", Preprocessing.Cifar10),
        ("inception", Preprocessing.Inception),
        ("mnist", Preprocessing.Mnist),
        ("raw", Preprocessing.Raw),
    ];

    /// <summary>What a model takes: as asked for, else as its metadata says, else what is usual for <paramref name="dataset"/>.</summary>
    /// <param name="metadata">The metadata of a graph or an engine.</param>
    /// <param name="dataset">The data that it will see.</param>
    /// <param name="chosen">What the user asked for; null when that was nothing.</param>
    /// <exception cref="PithException">The model's metadata is damaged.</exception>
    public static Preprocessing Of(IReadOnlyDictionary<string, string> metadata, ImageDataset dataset, Preprocessing? chosen)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(dataset);
        if (chosen is not null) return chosen;
        return metadata.TryGetValue(Preprocessing.MetadataKey, out var json) ? Preprocessing.FromJson(json) : dataset.DefaultPreprocessing;
    }
}
