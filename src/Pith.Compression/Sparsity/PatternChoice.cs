namespace Pith.Compression.Sparsity;

/// <summary>Which pattern layers are pruned to: one for all, or <c>auto</c>, which chooses for each layer by its measured times and the magnitude that it keeps. Immutable, value-equal.</summary>
public sealed record PatternChoice
{
    private const string AutoName = "auto";

    private PatternChoice(SparsityPattern? pattern) => Pattern = pattern;

    /// <summary>For each layer the pattern that pays, or none.</summary>
    public static PatternChoice Auto { get; } = new((SparsityPattern?)null);

    /// <summary>The pattern of all layers; null for <see cref="Auto"/>.</summary>
    public SparsityPattern? Pattern { get; }

    /// <summary>One pattern for all layers.</summary>
    public static PatternChoice Of(SparsityPattern pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return new(pattern);
    }

    /// <summary>One pattern for all layers.</summary>
    public static implicit operator PatternChoice(SparsityPattern pattern) => Of(pattern);

    /// <summary>The choice called <paramref name="text"/>: <c>2:4</c>, <c>16:2:4</c> …, or <c>auto</c>.</summary>
    /// <exception cref="PithException">There is none; the message lists those that there are.</exception>
    public static PatternChoice Parse(string text) => text == AutoName ? Auto
        : SparsityPattern.All.FirstOrDefault(pattern => pattern.ToString() == text) is { } pattern ? Of(pattern)
        : throw new PithException($"There is no sparsity pattern '{text}'. Expected one of: {string.Join(", ", SparsityPattern.All)}, {AutoName}.");

    /// <inheritdoc/>
    public override string ToString() => Pattern?.ToString() ?? AutoName;
}
