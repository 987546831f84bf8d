namespace Pith.Compression.Data;

/// <summary>Some samples of another dataset, in a given order.</summary>
public sealed class DatasetSubset : ImageDataset
{
    private readonly ImageDataset _whole;
    private readonly int[] _indices;

    /// <summary>Selects samples; nothing is copied but the indices.</summary>
    /// <param name="whole">The dataset to select from.</param>
    /// <param name="indices">Positions in <paramref name="whole"/>, in the order wanted.</param>
    /// <param name="name">The name of the selection; null: the name of <paramref name="whole"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">A position does not exist.</exception>
    public DatasetSubset(ImageDataset whole, IReadOnlyList<int> indices, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(whole);
        _whole = whole;
        _indices = [.. indices];
        foreach (var index in _indices)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(index, nameof(indices));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, whole.Count, nameof(indices));
        }
        Name = name ?? whole.Name;
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _indices.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _whole.ClassNames;

    /// <inheritdoc/>
    public override bool IsNumberedByName => _whole.IsNumberedByName;

    /// <inheritdoc/>
    public override ImageShape? Shape => _whole.Shape;

    /// <inheritdoc/>
    public override Preprocessing DefaultPreprocessing => _whole.DefaultPreprocessing;

    /// <summary>The position in the whole dataset of each sample.</summary>
    public IReadOnlyList<int> Indices => _indices;

    /// <inheritdoc/>
    public override int Label(int index) => _whole.Label(_indices[index]);

    /// <inheritdoc/>
    public override Sample Load(int index) => _whole.Load(_indices[index]);

    internal override Sample Load(int index, Func<int, int, int> reduction) => _whole.Load(_indices[index], reduction);

    internal override ContentKey Content(int index, bool whole) => _whole.Content(_indices[index], whole);
}
