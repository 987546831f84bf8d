namespace Pith.Cli.Verbs;

/// <summary>Sizes of symbolic dimensions by name: the length of token sequences, for instance.</summary>
/// <param name="Sizes">Name and size, each name once.</param>
internal sealed record NamedSizes(ValueList<(string Name, int Size)> Sizes) : InputSize
{
    /// <summary>Reads <c>sequence_length=128</c>, several separated by commas.</summary>
    public static new NamedSizes? Parse(string text)
    {
        var sizes = new List<(string Name, int Size)>();
        foreach (var part in text.Split(','))
        {
            // A name may hold an equals sign, a size may not.
            var equals = part.LastIndexOf('=');
            if (equals < 1 || !TryNumber(part[(equals + 1)..], out var size) || sizes.Any(other => other.Name == part[..equals])) return null;
            sizes.Add((part[..equals], size));
        }
        return new NamedSizes([.. sizes]);
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, int> Bind(string model, IReadOnlyList<(string Name, TensorType Type)> inputs)
    {
        var dims = inputs.SelectMany(input => input.Type.Dims).ToArray();
        var open = Sizes.Where(size => dims.Any(dim => dim.Symbols.Contains(size.Name))).ToArray();
        foreach (var (name, size) in Sizes.Except(open))
            // A network that was made of an open one has this size as a number.
            if (!dims.Contains(Dim.Of(size))) throw new PithException($"'{model}' has no open size called '{name}', and none of {size} (--size): it takes {SymbolSizes.Text(inputs)}.");
        return open.ToDictionary(size => size.Name, size => size.Size, StringComparer.Ordinal);
    }

    /// <summary>As <c>--size</c> spells them.</summary>
    public override string ToString() => string.Join(",", Sizes.Select(size => $"{size.Name}={size.Size}"));
}
