namespace Pith.Compression.Data;

/// <summary>
/// The augmentations beyond crop with padding and flip, as in <c>resized-crop,randaugment=2/9,mixup=0.2</c> or the name of a usual policy, such as <c>imagenet</c>: random resized crop, colour jitter, RandAugment, random erasing, mixup, cutmix
/// (docs/training-data.md lists them). They are applied in the order of that list, whatever the order in the text. What happens to a sample depends on seed, epoch and its index only. Immutable; equal when the texts are.
/// </summary>
public sealed class AugmentationPolicy : IEquatable<AugmentationPolicy>
{
    private readonly string _text;

    private AugmentationPolicy(IReadOnlyDictionary<AugmentationKind, ValueList<double>> items)
    {
        var ordered = AugmentationCatalog.All.Where(items.ContainsKey).ToArray();
        _text = ordered.Length == 0 ? "none" : string.Join(',', ordered.Select(kind => $"{kind.Name}={AugmentationKind.Text(items[kind])}"));
        object[] steps = [.. ordered.Select(kind => kind.Create(items[kind]))];
        Crop = steps.OfType<ICropAugmentation>().SingleOrDefault();
        OfPixels = [.. steps.OfType<IPixelAugmentation>()];
        OfValues = [.. steps.OfType<IValueAugmentation>()];
        Mixes = [.. steps.OfType<IMixAugmentation>()];
    }

    /// <summary>The random crop that replaces resizing; null: none.</summary>
    internal ICropAugmentation? Crop { get; }

    /// <summary>What is applied to 8-bit images of the network's size.</summary>
    internal IReadOnlyList<IPixelAugmentation> OfPixels { get; }

    /// <summary>What is applied to normalised values.</summary>
    internal IReadOnlyList<IValueAugmentation> OfValues { get; }

    /// <summary>How batches are mixed: each by one of these.</summary>
    internal IReadOnlyList<IMixAugmentation> Mixes { get; }

    /// <summary>Whether samples are mixed, so that their labels are soft.</summary>
    public bool MixesLabels => Mixes.Count > 0;

    /// <summary>Reads a policy: items separated by commas, each a name with or without numbers, <c>name=number/number</c>. A named policy may come first; items that follow are added, or replace those of the same name.</summary>
    /// <exception cref="PithException">There is no such augmentation, or a number is out of range.</exception>
    public static AugmentationPolicy Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var items = new Dictionary<AugmentationKind, ValueList<double>>();
        var parts = text.Split(',', StringSplitOptions.TrimEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            if (AugmentationCatalog.Presets.FirstOrDefault(preset => preset.Name == parts[i]) is { Name: not null } preset)
            {
                if (i > 0) throw new PithException($"'augment': '{preset.Name}' in '{text}' stands for a whole list: it comes first, and what follows is added.");
                foreach (var item in preset.Text.Split(',', StringSplitOptions.RemoveEmptyEntries)) Add(item);
            }
            else Add(parts[i]);
        }
        return new AugmentationPolicy(items);

        void Add(string item)
        {
            var (name, values) = item.Split('=', 2) is [var before, var after] ? (before, after) : (item, null);
            var kind = AugmentationCatalog.All.FirstOrDefault(kind => kind.Name == name) ?? throw Unknown(name, text);
            items[kind] = kind.Read(values);
        }
    }

    private static PithException Unknown(string name, string text)
    {
        if (AugmentationCatalog.Presets.Any(preset => preset.Name == name)) return new($"'augment': '{name}' in '{text}' is the name of a whole list and takes no numbers.");
        var names = AugmentationCatalog.Presets.Select(preset => preset.Name).Concat(AugmentationCatalog.All.Select(kind => kind.Name));
        return new($"'augment': there is no augmentation '{name}'. {ClosestNames.Suggestion(name, names)} Expected a list such as {AugmentationCatalog.Summary}.");
    }

    /// <summary>Refuses samples that it cannot be applied to.</summary>
    /// <exception cref="PithException">The samples are sequences of tokens, or not 8-bit images although something changes pixels.</exception>
    internal void RequireFit(Sample sample, string dataset)
    {
        if (sample.IsSequence || sample.Inputs is not null)
            throw new PithException($"'augment': {_text} is for images; dataset '{dataset}' has {(sample.IsSequence ? "sequences of token ids" : "samples of several inputs")}. Leave it out.");
        if (sample.Image is null && (Crop is not null || OfPixels.Count > 0))
            throw new PithException($"'augment': {_text} changes 8-bit images; the samples of dataset '{dataset}' are values that are the network's input already. Only {string.Join(", ", AugmentationCatalog.All.Where(kind => kind.Create(kind.Read(null)) is IValueAugmentation or IMixAugmentation).Select(kind => kind.Name))} can be applied to them.");
    }

    /// <summary>All items with all their numbers, as <see cref="Parse"/> reads them.</summary>
    public override string ToString() => _text;

    /// <inheritdoc/>
    public bool Equals(AugmentationPolicy? other) => other is not null && other._text == _text;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as AugmentationPolicy);

    /// <inheritdoc/>
    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);
}
