using Pith.Ops;

namespace Pith.Passes;

/// <summary>Removes nodes that return their operand as it is: Identity, Dropout at inference, and reshapes, casts, pads, slices and the like that change nothing.</summary>
public sealed class RemoveIdentity : Pass
{
    /// <inheritdoc/>
    public override int Apply(Graph graph)
    {
        var changes = 0;
        foreach (var node in graph.Nodes.ToArray())
        {
            if (!ChangesNothing(node) || !IsRemovable(node)) continue;
            graph.ReplaceAllUses(node.Output, node.Inputs[0]!);
            graph.Remove(node);
            changes++;
        }
        return changes;
    }

    private static bool ChangesNothing(Node node)
    {
        // The same symbol is the same size, so a type that is equal is the same shape at run time too.
        if (node.Inputs.Count == 0 || node.Inputs[0] is not { } input || input.Type != node.Output.Type) return false;
        return node.Op switch
        {
            Identity or Dropout or Pith.Ops.Cast or CastLike or Reshape or Flatten or Squeeze or Unsqueeze or Expand => true,
            Concat or Sum or Mean or Max or Min => node.Inputs.Count == 1,
            Clip => node.Input(1) is null && node.Input(2) is null,
            Transpose transpose => transpose.PermutationOf(input.Type.Rank).SequenceEqual(Enumerable.Range(0, input.Type.Rank)),
            Slice => node.Input(4) is null || node.Input(4)!.Constant is { } steps && steps.ToInt64s().All(step => step == 1),
            Pad => node.Input(1)!.Constant is { } amounts && amounts.ToInt64s().All(amount => amount == 0),
            _ => false,
        };
    }

    private static bool IsRemovable(Node node)
    {
        // A second output (the mask of Dropout) that somebody reads keeps the node.
        if (node.Outputs.Skip(1).Any(output => output.Uses.Count > 0 || output.IsGraphOutput)) return false;
        // The graph returns inputs, constants and values that it returns already through an Identity: that one has to stay.
        return node.Op is not Identity || !node.Output.IsGraphOutput || node.Inputs[0] is { Producer: not null, IsGraphOutput: false };
    }
}
