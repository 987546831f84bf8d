using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// One or more nodes of a graph that become one layer, before layouts are chosen: what it reads and writes, in which layout it wants each, and how to make the layer from slots.
/// </summary>
internal sealed class FusedNode
{
    /// <summary>The nodes, in execution order.</summary>
    public required IReadOnlyList<Node> Nodes { get; init; }

    /// <summary>The operands; null where an optional one is absent.</summary>
    public required IReadOnlyList<Value?> Inputs { get; init; }

    /// <summary>The results.</summary>
    public required IReadOnlyList<Value> Outputs { get; init; }

    /// <summary>The layouts of operands and results, given the layout in which each operand exists already.</summary>
    public required LayoutRule Layouts { get; init; }

    /// <summary>Where operands and results may have the batch; otherwise the nodes are not fused.</summary>
    public BatchSupport Batch { get; init; } = BatchSupport.OuterAxis;

    /// <summary>The result is the operand's memory under another shape: a layer is made only where it has to have memory of its own.</summary>
    public bool IsView { get; init; }

    /// <summary>A matrix product of operands of rank 3 and more: the layer sees them as matrices of all their rows.</summary>
    public bool SeesRows { get; init; }

    /// <summary>Makes the layer.</summary>
    public required Func<LayerParts, Layer> Create { get; init; }

    /// <summary>The layer is called after the node that does the work: the convolution or matrix product, else the last that is not just a QuantizeLinear or DequantizeLinear.</summary>
    public string Name => (Nodes.FirstOrDefault(node => node.Op.Cost(node) > 0) ?? Nodes.LastOrDefault(node => node.Op is not (QuantizeLinear or DequantizeLinear)) ?? Nodes[^1]).Name;
}

/// <summary>What every layer is made from.</summary>
internal sealed record LayerParts(string Name, ValueList<string> Nodes, Slot?[] Inputs, Slot[] Outputs, long Macs);

/// <summary>Chooses the layout of each operand and result. Layouts matter for values of rank 2 and more; everything else is row-major.</summary>
/// <param name="Input">The layout wanted for operand i, given the layout that each operand has now.</param>
/// <param name="Output">The layout of every result, given the same.</param>
internal sealed record LayoutRule(Func<int, IReadOnlyList<Layout?>, Layout> Input, Func<int, IReadOnlyList<Layout?>, Layout> Output)
{
    /// <summary>Everything row-major.</summary>
    public static LayoutRule RowMajor { get; } = new((_, _) => Layout.RowMajor, (_, _) => Layout.RowMajor);

    /// <summary>Everything channels-last, but for the operands and results listed, which are weights.</summary>
    public static LayoutRule ChannelsLast(int[]? rowMajorInputs = null, int[]? rowMajorOutputs = null) => new(
        (index, _) => rowMajorInputs?.Contains(index) == true ? Layout.RowMajor : Layout.ChannelsLast,
        (index, _) => rowMajorOutputs?.Contains(index) == true ? Layout.RowMajor : Layout.ChannelsLast);

    /// <summary>Fixed layouts for operands and results.</summary>
    public static LayoutRule Of(Layout input, Layout output) => new((_, _) => input, (_, _) => output);

    /// <summary>One layout for everything: channels-last when an operand has it already.</summary>
    public static LayoutRule Agnostic { get; } = new((_, now) => Common(now), (_, now) => Common(now));

    /// <summary>One layout of stored bytes for 8-bit values that kernels compute on: as tokens when an operand lies so, or as the rank says.</summary>
    public static LayoutRule Stored(int rank)
    {
        Layout Common(IReadOnlyList<Layout?> now) => now.Contains(Layout.Tokens) || (rank is not (2 or 4) && !now.Contains(Layout.ChannelsLast)) ? Layout.Tokens : Layout.ChannelsLast;
        return new LayoutRule((_, now) => Common(now), (_, now) => Common(now));
    }

    private static Layout Common(IReadOnlyList<Layout?> now) => now.Contains(Layout.ChannelsLast) ? Layout.ChannelsLast : Layout.RowMajor;
}
