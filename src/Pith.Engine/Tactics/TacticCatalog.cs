using Pith.Building;

namespace Pith.Tactics;

/// <summary>The ordered tactics of each kind of layer. Earlier is preferred when estimates tie; every list ends in the reference, which accepts everything.</summary>
internal static class TacticCatalog
{
    private static readonly Tactic[] s_op =
    [
        new ReferenceOp(),
    ];

    private static readonly Tactic[] s_reorder =
    [
        new ReferenceReorder(),
    ];

    public static IReadOnlyList<Tactic> For(Layer layer) => layer switch
    {
        ReorderLayer => s_reorder,
        OpLayer => s_op,
        _ => throw new InvalidOperationException($"No tactics are listed for {layer.GetType().Name}."),
    };
}
