namespace Pith.Passes;

/// <summary>
/// One transformation of a graph that keeps what it computes (or, for compression steps, changes it in a declared way). Stateless: the same pass may run on many graphs.
/// </summary>
public abstract class Pass
{
    /// <summary>The name for dumps and events, e.g. <c>FoldBatchNorm</c>.</summary>
    public virtual string Name => GetType().Name;

    /// <summary>Changes <paramref name="graph"/> where the pass applies.</summary>
    /// <returns>The number of places changed; 0 means that running it again is pointless.</returns>
    public abstract int Apply(Graph graph);
}
