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
        if (node.Op is Reshape or Flatten or Squeeze or Unsqueeze or Identity) return Copy(node, context);
        return null;
    }

    // 8-bit values of rank 2 and 4 live channels-last, where kernels compute on them; others are only moved and converted.
    private static Layout Of8Bit(Value value) => value.Type.Rank is 2 or 4 ? Layout.ChannelsLast : Layout.RowMajor;

    private static FusedNode Quantize(Node node, Quantization to) => new()
    {
        Nodes = [node],
        Inputs = [node.Input(0)],
        Outputs = [node.Output],
        // Reads whatever layout the floats are in.
        Layouts = new LayoutRule((_, now) => now[0] ?? Layout.RowMajor, (_, _) => Of8Bit(node.Output)),
        Batch = BatchSupport.AnyAxis,
        Create = parts => new QuantizeLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs, To = to },
    };

    private static FusedNode Dequantize(Node node, Quantization from) => new()
    {
        Nodes = [node],
        Inputs = [node.Input(0)],
        Outputs = [node.Output],
        Layouts = new LayoutRule((_, _) => Of8Bit(node.Output), (_, _) => Of8Bit(node.Output)),
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
        Layouts = new LayoutRule((_, now) => now[0] ?? Layout.RowMajor, (_, now) => node.Op is Unsqueeze ? Layout.ChannelsLast : Layout.RowMajor),
        Create = parts => parts.Inputs[0]!.Layout == parts.Outputs[0].Layout
            ? new CopyLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs }
            : new ReorderLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs },
    };

    private static FusedNode Copy(Node node, FusionContext context) => new()
    {
        Nodes = [node],
        Inputs = [node.Input(0)],
        Outputs = [node.Output],
        Layouts = CopyLayouts(context.ShapeOf(node.Input(0)!), context.ShapeOf(node.Output)),
        Batch = BatchSupport.AnyAxis,
        Create = parts => new CopyLayer { Name = parts.Name, Nodes = parts.Nodes, Inputs = parts.Inputs, Outputs = parts.Outputs },
    };

    // One pixel per image lies the same in both layouts, so [N, C, 1, 1] to [N, C] needs no reorder; neither does a copy that keeps the shape.
    private static LayoutRule CopyLayouts(BatchShape from, BatchShape to)
    {
        if (from == to) return LayoutRule.Agnostic;
        return IsOnePixel(from) && IsOnePixel(to) && from[0] == to[0] && from[1] == to[1] ? LayoutRule.ChannelsLast() : LayoutRule.RowMajor;
    }

    private static bool IsOnePixel(BatchShape shape) => shape.Rank is 2 or 4 && shape.Axes.Skip(2).All(size => size.IsOne);
}
