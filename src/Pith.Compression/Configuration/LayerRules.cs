namespace Pith.Compression.Configuration;

/// <summary>
/// A setting per layer, by precedence: node name, then op type, then <see cref="Global"/>; of several rules of one kind the first that matches decides.
/// Immutable and value-equal.
/// </summary>
/// <typeparam name="T">The setting.</typeparam>
/// <param name="Global">What holds where no rule matches.</param>
public sealed record LayerRules<T>(T Global)
{
    /// <summary>Rules by node name, in order.</summary>
    public ValueList<(NamePattern Pattern, T Value)> ByName { get; init; } = [];

    /// <summary>Rules by ONNX op type, in order.</summary>
    public ValueList<(string OpType, T Value)> ByOpType { get; init; } = [];

    /// <summary>The setting of <paramref name="layer"/>.</summary>
    public T Resolve(LayerName layer)
    {
        foreach (var (pattern, value) in ByName)
            if (pattern.Matches(layer.Name)) return value;
        foreach (var (opType, value) in ByOpType)
            if (opType == layer.OpType) return value;
        return Global;
    }

    /// <summary>Checks that every rule matches at least one of <paramref name="layers"/>.</summary>
    /// <exception cref="PithException">A rule matches nothing; the message names it and the closest names.</exception>
    public void RequireAllUsed(IReadOnlyCollection<LayerName> layers)
    {
        UnusedRules.RequireNames(ByName.Select(rule => rule.Pattern), layers);
        UnusedRules.RequireOpTypes(ByOpType.Select(rule => rule.OpType), layers);
    }
}
