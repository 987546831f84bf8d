namespace Pith.Compression.Data;

/// <summary>
/// Picks part of a dataset by position. Written as options of a <see cref="DatasetSpec"/>:
/// <list type="bullet">
/// <item><c>every=K</c>: positions 0, K, 2K, …</item>
/// <item><c>not-every=K</c>: all the others, so that the two never overlap and together are everything;</item>
/// <item><c>first=N</c>: the first N;</item>
/// <item><c>range=A..B</c>: positions A to B - 1; either side may be left out.</item>
/// </list>
/// Several apply one after the other, each to what the one before it left.
/// </summary>
internal readonly record struct IndexSelector(string Name, string Value, Func<int[], int[]> Apply)
{
    /// <summary>The names of all selectors.</summary>
    public static IReadOnlyList<string> Names { get; } = ["every", "not-every", "first", "range"];

    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="value">What the user wrote after the equals sign.</param>
    /// <param name="spec">The whole specification, for messages.</param>
    /// <exception cref="PithException">The value makes no sense; or, when applied, asks for more than there is.</exception>
    public static IndexSelector Parse(string name, string value, string spec)
    {
        switch (name)
        {
            case "every":
                var step = Number(name, value, spec, 1);
                return new(name, value, indices => indices.Where((_, at) => at % step == 0).ToArray());
            case "not-every":
                var left = Number(name, value, spec, 2);
                return new(name, value, indices => indices.Where((_, at) => at % left != 0).ToArray());
            case "first":
                var count = Number(name, value, spec, 1);
                return new(name, value, indices => Slice(indices, 0, count, name, value, spec));
            default:
                var (from, to) = Range(name, value, spec);
                return new(name, value, indices => Slice(indices, from, to ?? indices.Length, name, value, spec));
        }
    }

    private static int[] Slice(int[] indices, int from, int to, string name, string value, string spec) =>
        from < to && to <= indices.Length ? indices[from..to]
        : throw new PithException($"Dataset '{spec}': '{name}={value}' asks for samples {from} to {to - 1}, but there are {indices.Length}.");

    private static (int From, int? To) Range(string name, string value, string spec)
    {
        if (value.Split("..") is not [var from, var to]) throw Wrong(name, value, spec, "A..B, such as 100..200");
        return (from.Length == 0 ? 0 : Number(name, from, spec, 0), to.Length == 0 ? null : Number(name, to, spec, 1));
    }

    private static int Number(string name, string value, string spec, int min) =>
        int.TryParse(value, out var number) && number >= min ? number : throw Wrong(name, value, spec, $"a whole number of at least {min}");

    private static PithException Wrong(string name, string value, string spec, string expected) =>
        new($"Dataset '{spec}': selector '{name}' expects {expected}, got '{value}'.");
}
