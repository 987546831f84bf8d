using Pith.Ops;

namespace Pith.Building;

/// <summary>Pools of images, in float or on 8 bits. An average takes the DequantizeLinear before it and the QuantizeLinear after it.</summary>
internal static class PoolFusion
{
    public static FusedNode? TryFuse(Node node, FusionContext context)
    {
        if (node.Input(0) is not { Type.Rank: 4 } x || node.Outputs.Count != 1 || !context.ShapeOf(x).IsFixedPerImage) return null;
        var size = context.ShapeOf(x).FixedFrom(2);
        return node.Op switch
        {
            MaxPool max when x.Type.DataType == DataType.Float32 || x.Type.DataType.IsQuantized() => Layer([node], x, node.Output, true, Windows.Of(max.Window.Resolve(size, max.Window.KernelShape.Span)), false, null, null),
            GlobalMaxPool when x.Type.DataType == DataType.Float32 => Layer([node], x, node.Output, true, Windows.Global(size[0], size[1]), false, null, null),
            AveragePool average => Average(node, context, Windows.Of(average.Window.Resolve(size, average.Window.KernelShape.Span)), average.CountIncludePad),
            GlobalAveragePool => Average(node, context, Windows.Global(size[0], size[1]), false),
            ReduceMean mean when IsGlobal(node, mean) => Average(node, context, Windows.Global(size[0], size[1]), false),
            _ => null,
        };
    }

    private static bool IsGlobal(Node node, ReduceMean mean) => mean.KeepDims && node.Output.Type is { Rank: 4 } type && type[2] == 1 && type[3] == 1 && type[1] == node.Input(0)!.Type[1] && type[0] == node.Input(0)!.Type[0];

    private static FusedNode? Average(Node node, FusionContext context, Window window, bool countsPadding)
    {
        if (node.Output.Type.DataType != DataType.Float32) return null;
        if (context.Literal || !QdqPatterns.IsDequantized(node.Input(0)!, out var q, out var from)) return Layer([node], node.Input(0)!, node.Output, false, window, countsPadding, null, null);
        return context.Next(node.Output) is { } next && QdqPatterns.OfQuantize(next) is { } to
            ? Layer([node, next], q, next.Output, false, window, countsPadding, from, to)
            : Layer([node], q, node.Output, false, window, countsPadding, from, null);
    }

    private static FusedNode Layer(Node[] nodes, Value input, Value output, bool isMax, Window window, bool countsPadding, Quantization? from, Quantization? to) => new()
    {
        Nodes = nodes,
        Inputs = [input],
        Outputs = [output],
        Layouts = LayoutRule.ChannelsLast(),
        Create = parts => new PoolLayer
        {
            Name = parts.Name,
            Nodes = parts.Nodes,
            Inputs = parts.Inputs,
            Outputs = parts.Outputs,
            Macs = parts.Macs,
            IsMax = isMax,
            Window = window,
            CountIncludesPadding = countsPadding,
            InputQuantization = from,
            OutputQuantization = to,
        },
    };
}
