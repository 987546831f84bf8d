using Pith.Fuzz.Differential.Motifs;

namespace Pith.Fuzz.Differential;

/// <summary>A few nodes that occur together in networks.</summary>
/// <param name="Name">The name that findings show.</param>
/// <param name="Build">Adds the nodes after a value and returns what they make; null when they do not fit there.</param>
internal sealed record Motif(string Name, Func<NetworkSketch, Value, Value?> Build);

/// <summary>The one list of what random networks are made of. Adding a motif is one line in its family's file.</summary>
internal static class MotifCatalog
{
    public static IReadOnlyList<Motif> All { get; } =
    [
        .. ConvolutionMotifs.All,
        .. MatrixMotifs.All,
        .. PoolingMotifs.All,
        .. ElementwiseMotifs.All,
        .. NormalizationMotifs.All,
        .. MovementMotifs.All,
        .. ReductionMotifs.All,
        .. QuantizationMotifs.All,
        .. IntegerMotifs.All,
        .. BlockMotifs.All,
    ];
}
