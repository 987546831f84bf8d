namespace Pith.Compression.Optimization;

/// <summary>What can be done to a layer.</summary>
/// <param name="IsFloat">Whether it is computed in float instead of INT8.</param>
/// <param name="Pattern">The pattern of its weights; null for dense ones.</param>
/// <param name="Microseconds">Its time in a network all of whose layers are done so.</param>
/// <param name="Error">The relative error of the network's outputs with this layer alone done so.</param>
internal sealed record LayerOption(bool IsFloat, SparsityPattern? Pattern, double Microseconds, double Error)
{
    /// <summary><c>float</c>, <c>int8</c>, <c>2:4 int8</c> …</summary>
    public string Name => NameOf(IsFloat, Pattern);

    /// <summary>The name of such an option.</summary>
    public static string NameOf(bool isFloat, SparsityPattern? pattern) => $"{(pattern is null ? "" : $"{pattern} ")}{(isFloat ? "float" : "int8")}";
}

/// <summary>A layer with weights and what can be done to it; the first option is the dense one in float.</summary>
/// <param name="Layer">Its name.</param>
/// <param name="Options">The options.</param>
internal sealed record OptimizedLayer(string Layer, IReadOnlyList<LayerOption> Options);
