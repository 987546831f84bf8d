namespace Pith.Compression.Data;

/// <summary>The preprocessings that have a name, and which one a model takes. To add one: a line in <see cref="All"/>.</summary>
public static class PreprocessingCatalog
{
    /// <summary>Each by its name, in the order in which help shows them.</summary>
    public static IReadOnlyList<(string Name, Preprocessing Value)> All { get; } =
    [
        ("imagenet", Preprocessing.ImageNet),
        ("cifar10", Preprocessing.Cifar10),
        ("mnist", Preprocessing.Mnist),
        ("raw", Preprocessing.Raw),
    ];

    /// <summary>The preprocessing called <paramref name="name"/>.</summary>
    /// <exception cref="PithException">There is none.</exception>
    public static Preprocessing Find(string name)
    {
        foreach (var (known, value) in All)
            if (known == name) return value;
        throw new PithException($"There is no preprocessing '{name}'. Choose one of: {string.Join(", ", All.Select(entry => entry.Name))}.");
    }

    /// <summary>What a model takes: as asked for, else as its metadata says, else what is usual for <paramref name="dataset"/>.</summary>
    /// <param name="metadata">The metadata of a graph or an engine.</param>
    /// <param name="dataset">The data that it will see.</param>
    /// <param name="name">A name from <see cref="All"/>, or null when the user did not say.</param>
    /// <exception cref="PithException">There is no such name, or the model's metadata is damaged.</exception>
    public static Preprocessing Of(IReadOnlyDictionary<string, string> metadata, ImageDataset dataset, string? name)
    {
        ArgumentNullException.ThrowIfNull(metadata);
        ArgumentNullException.ThrowIfNull(dataset);
        if (name is not null) return Find(name);
        return metadata.TryGetValue(Preprocessing.MetadataKey, out var json) ? Preprocessing.FromJson(json) : dataset.DefaultPreprocessing;
    }
}
