namespace Pith.Compression.Configuration;

/// <summary>Finds rules that match nothing: a misspelt name must be an error, never silently ignored.</summary>
internal static class UnusedRules
{
    /// <exception cref="PithException">A pattern matches no layer; the message names it and the closest names.</exception>
    public static void RequireNames(IEnumerable<NamePattern> patterns, IReadOnlyCollection<LayerName> layers)
    {
        foreach (var pattern in patterns)
            if (!layers.Any(layer => pattern.Matches(layer.Name)))
                throw new PithException($"The name pattern '{pattern}' matches no layer. {ClosestNames.Suggestion(pattern.Text, layers.Select(layer => layer.Name))}");
    }

    /// <exception cref="PithException">No layer is of a type; the message names it and the types that there are.</exception>
    public static void RequireOpTypes(IEnumerable<string> opTypes, IReadOnlyCollection<LayerName> layers)
    {
        foreach (var opType in opTypes)
            if (!layers.Any(layer => layer.OpType == opType))
                throw new PithException($"The op type '{opType}' matches no layer. {ClosestNames.Suggestion(opType, layers.Select(layer => layer.OpType))}");
    }

}
