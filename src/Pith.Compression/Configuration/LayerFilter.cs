namespace Pith.Compression.Configuration;

/// <summary>
/// Chooses layers by name and op type. A layer is taken when nothing excludes it and, if anything is included by name or type, something includes it: excluded wins.
/// The default takes every layer. Immutable and value-equal.
/// </summary>
public sealed record LayerFilter
{
    /// <summary>Names to take; empty together with <see cref="IncludeOpTypes"/>: all.</summary>
    public ValueList<NamePattern> Include { get; init; } = [];

    /// <summary>Names to leave out.</summary>
    public ValueList<NamePattern> Exclude { get; init; } = [];

    /// <summary>ONNX op types to take; empty together with <see cref="Include"/>: all.</summary>
    public ValueList<string> IncludeOpTypes { get; init; } = [];

    /// <summary>ONNX op types to leave out.</summary>
    public ValueList<string> ExcludeOpTypes { get; init; } = [];

    /// <summary>Null when <paramref name="layer"/> is taken, else why not, for people: <c>excluded by 'layer4.*'</c>.</summary>
    public string? WhyNot(LayerName layer)
    {
        foreach (var pattern in Exclude)
            if (pattern.Matches(layer.Name)) return $"excluded by '{pattern}'";
        if (ExcludeOpTypes.Contains(layer.OpType)) return $"excluded by op type {layer.OpType}";
        if (Include.Count + IncludeOpTypes.Count == 0) return null;
        return Include.Any(pattern => pattern.Matches(layer.Name)) || IncludeOpTypes.Contains(layer.OpType) ? null : "not included";
    }

    /// <summary>Checks that every name pattern and op type matches at least one of <paramref name="layers"/>.</summary>
    /// <exception cref="PithException">One matches nothing; the message names it and the closest names.</exception>
    public void RequireAllUsed(IReadOnlyCollection<LayerName> layers)
    {
        UnusedRules.RequireNames(Include.Concat(Exclude), layers);
        UnusedRules.RequireOpTypes(IncludeOpTypes.Concat(ExcludeOpTypes), layers);
    }
}
