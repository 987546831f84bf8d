using Pith.Ops;

namespace Pith.Building;

/// <summary>Layers of one node that convert, join or rename data: QuantizeLinear, DequantizeLinear, Concat of quantized channels, reshapes.</summary>
internal static class DataFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (QdqPatterns.OfQuantize(node) is { } to) return Quantize(node, to);
        if (QdqPatterns.OfDequantize(node) is { } from) return Dequantize(node, from);
        if (node.Op is Concat concat && IsChannelJoin(node, concat)) return Join(node);
        if (IsOneRow(node, context)) return Turn(node);
        if (node.Op is Reshape or Flatten or Squeeze or Unsqueeze or Identity) return Copy(node, CopyLayouts(context.ShapeOf(node.Input(0)!), context.ShapeOf(node.Output)));
        if (node.Op is Transpose transpose && TurnLayouts(node, transpose, context) is { } turned) return Copy(node, turned);
        return null;
    }

    // 8-bit values live where kernels compute on them: rows of matrix products as tokens, others of rank 2 and 4 channels-last. What is left is only moved and converted.
    private static Layout Of8Bit(Value value) => IsReadByRows(value) ? Layout.Tokens : value.Type.Rank is 2 or 4 ? Layout.ChannelsLast : Layout.RowMajor;

    // By matrix products, directly or under another shape with the same last axis, or by a Transpose to channels-first, which then moves nothing.
    private static bool IsReadByRows(Value quantized) => quantized.Type.Rank > 2 && quantized.Uses.Any(use => use.Node switch
    {
        { Op: DequantizeLinear } dequantize => dequantize.Output.Uses.Any(reader => reader.Node.Op is MatMul),
        { Op: Transpose transpose } turn => turn.Output.Type.Rank > 3 && ChannelAxes.MovesToFirst(transpose, turn),
        { Op: Reshape } reshape => reshape.Output.Type.Rank > 0 && reshape.Output.Type[-1] == quantized.Type[-1] && IsReadByRows(reshape.Output),
        _ => false,
    });

    private static FusedNode Quantize(Node node, Quantization to) => new()
    {
        Nodes = [node],
        Inputs = [node.Input(0)],
        Outputs = [node.Output],
        // Reads whatever layout the floats are in, but for tokens.
        Layouts = Of8Bit(node.Output) is var layout && layout == Layout.Tokens ? LayoutRule.Of(Layout.RowMajor, layout) : new LayoutRule((_, now) => now[0] ?? Layout.RowMajor, (_, _) => layout),
        Batch = BatchSupport.AnyAxis,
        Create = parts => new QuantizeLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, To = to },
    };

    // Images that the caller reads are turned on the way.
    private static bool IsTurned(Node node) => node.Output is { IsGraphOutput: true, Uses.Count: 0, Type.Rank: > 2 };

    private static Layout Dequantized(Layout? now) => now is Layout.Tokens or Layout.ChannelsLast ? now.Value : Layout.RowMajor;

    private static FusedNode Dequantize(Node node, Quantization from) => new()
    {
        Nodes = [node],
        Inputs = [node.Input(0)],
        Outputs = [node.Output],
        // Tokens stay where they are; floats have no such layout and are row-major.
        Layouts = new LayoutRule((_, now) => Dequantized(now[0]), (_, now) => IsTurned(node) ? Layout.RowMajor : Dequantized(now[0])),
        Batch = BatchSupport.AnyAxis,
        Create = parts => new DequantizeLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, From = from },
    };

    private static bool IsChannelJoin(Node node, Concat concat) =>
        node.Output.Type is { Rank: 2 or 4 } type && type.DataType.IsQuantized() && (concat.Axis < 0 ? concat.Axis + type.Rank : concat.Axis) == 1;

    private static FusedNode Join(Node node) => new()
    {
        Nodes = [node],
        Inputs = node.Inputs,
        Outputs = [node.Output],
        Layouts = LayoutRule.ChannelsLast(),
        Create = parts => new ConcatLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs },
    };

    // Between [N, C, L] and images [N, C, 1, L], which have the same elements in both layouts.
    private static bool IsOneRow(Node node, FusionContext context) =>
        node is { Op: Unsqueeze { Axes: [2] }, Output.Type.Rank: 4 } or { Op: Squeeze { Axes: [2] }, Output.Type.Rank: 3 } && context.ShapeOf(node.Output).IsFixedPerImage;

    // Images are channels-last, sequences row-major: the layout changes on the way.
    private static FusedNode Turn(Node node) => new()
    {
        Nodes = [node],
        Inputs = [node.Input(0)],
        Outputs = [node.Output],
        // Tokens become row-major first: a reorder has a row-major side.
        Layouts = new LayoutRule((_, now) => now[0] == Layout.ChannelsLast ? Layout.ChannelsLast : Layout.RowMajor, (_, now) => node.Op is Unsqueeze ? Layout.ChannelsLast : Layout.RowMajor),
        Create = parts => parts.Inputs[0]!.Layout == parts.Outputs[0].Layout
            ? new CopyLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs }
            : new ReorderLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs },
    };

    private static FusedNode Copy(Node node, LayoutRule layouts) => new()
    {
        Nodes = [node],
        Inputs = [node.Input(0)],
        Outputs = [node.Output],
        Layouts = layouts,
        Batch = BatchSupport.AnyAxis,
        IsView = true,
        Create = parts => new CopyLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs },
    };

    // One pixel per image lies the same in both layouts, so [N, C, 1, 1] to [N, C] needs no reorder; neither does a copy that keeps the shape, or the channels and their axis.
    private static LayoutRule CopyLayouts(BatchShape from, BatchShape to)
    {
        if (from == to) return LayoutRule.Agnostic;
        if (!from.IsFixedPerImage || !to.IsFixedPerImage || from.Rank < 2 || to.Rank < 2) return LayoutRule.RowMajor;
        if (IsOnePixel(from) && IsOnePixel(to) && from[0] == to[0] && from[1] == to[1]) return LayoutRule.ChannelsLast();
        var (keepsChannels, keepsTokens) = (from.Rank > 2 && to.Rank > 2 && from[0] == to[0] && from[1] == to[1], from[-1] == to[-1]);
        Layout Common(IReadOnlyList<Layout?> now) => now[0] switch
        {
            Layout.ChannelsLast when keepsChannels => Layout.ChannelsLast,
            Layout.Tokens when keepsTokens => Layout.Tokens,
            Layout.ChannelsLast when keepsTokens && from.Rank == 2 => Layout.Tokens,
            _ => Layout.RowMajor,
        };
        return new LayoutRule((_, now) => Common(now), (_, now) => Common(now));
    }

    private static bool IsOnePixel(BatchShape shape) => shape.Rank is 2 or 4 && shape.Axes.Skip(2).All(size => size.IsOne);

    // Between [N, C, ...] and [N, ..., C] nothing moves when the former lies channels-last and the latter row-major, or as tokens.
    private static LayoutRule? TurnLayouts(Node node, Transpose transpose, FusionContext context)
    {
        if (!context.ShapeOf(node.Input(0)!).IsFixedPerImage || !context.ShapeOf(node.Output).IsFixedPerImage) return null;
        if (!node.Output.Type.DataType.IsQuantized() && node.Output.Type.DataType.SizeInBytes() != 4) return null;
        if (node.Output.Type.DataType.IsQuantized() && (node.Output.Type.Rank == 3 || !IsStored(node.Input(0)!))) return null;
        var channelsInside = node.Output.Type.DataType.IsQuantized() ? Layout.Tokens : Layout.RowMajor;
        var (toLast, toFirst) = (ChannelAxes.MovesToLast(transpose, node), ChannelAxes.MovesToFirst(transpose, node));
        if (toLast && toFirst) return new LayoutRule((_, now) => now[0] == Layout.ChannelsLast ? Layout.ChannelsLast : channelsInside, (_, now) => now[0] == Layout.ChannelsLast ? channelsInside : Layout.ChannelsLast);
        return toLast ? LayoutRule.Of(Layout.ChannelsLast, channelsInside) : toFirst ? LayoutRule.Of(channelsInside, Layout.ChannelsLast) : null;
    }

    // Whether 8-bit values come from a layer that writes them for kernels; others are row-major, as the caller gives them.
    private static bool IsStored(Value value)
    {
        for (; value.Producer is { } producer; value = producer.Input(0)!)
            if (producer.Op is QuantizeLinear || producer.Input(0) is null) return producer.Op is QuantizeLinear;
        return false;
    }
}
