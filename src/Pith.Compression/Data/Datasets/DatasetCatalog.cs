namespace Pith.Compression.Data;

/// <summary>One kind of dataset: how the user names it and what opens it.</summary>
/// <param name="Name">The word before the colon.</param>
/// <param name="Syntax">The whole specification, with placeholders.</param>
/// <param name="Help">One or two sentences for <c>--help</c>.</param>
/// <param name="TakesPath">Whether a path follows the colon.</param>
/// <param name="Options">The names of its own options.</param>
/// <param name="Files">The files that a parsed specification is read from, and the folders whose names alone count; none for data that is computed.</param>
/// <param name="Open">Opens a parsed specification, without applying selectors; may report a <see cref="Warning"/>.</param>
public sealed record DatasetKind(string Name, string Syntax, string Help, bool TakesPath, ValueList<string> Options, Func<DatasetSpec, IEnumerable<string>> Files, Func<DatasetSpec, IProgress<PithEvent>?, ImageDataset> Open);

/// <summary>Every kind of dataset that Pith reads. To add one: a file with the dataset, and a line here.</summary>
public static class DatasetCatalog
{
    /// <summary>All kinds, in the order in which help shows them.</summary>
    public static IReadOnlyList<DatasetKind> All { get; } =
    [
        ProceduralDataset.Kind,
        Cifar10Dataset.Kind,
        MnistDataset.Kind,
        ImageFolderDataset.Kind,
        ImageNetDataset.Kind,
        TfRecordDataset.Kind,
        NpzDataset.Kind,
    ];

    /// <summary>Opens what the user asked for, with its selectors applied.</summary>
    /// <param name="spec">See <see cref="DatasetSpec"/>.</param>
    /// <param name="events">Receives a <see cref="Warning"/> for what was left out, and later, on any thread, for damaged images that could still be read.</param>
    /// <exception cref="PithException">The specification is wrong, or the data is missing or damaged.</exception>
    public static ImageDataset Open(string spec, IProgress<PithEvent>? events = null)
    {
        var parsed = DatasetSpec.Parse(spec);
        var whole = parsed.Kind.Open(parsed, events);
        var selectors = parsed.Selectors.ToArray();
        if (selectors.Length == 0) return whole;
        var indices = Enumerable.Range(0, whole.Count).ToArray();
        foreach (var selector in selectors) indices = selector.Apply(indices);
        return indices.Length > 0 ? new DatasetSubset(whole, indices, spec)
            : throw new PithException($"Dataset '{spec}': the selectors leave none of the {whole.Count} samples.");
    }
}
