using Pith.Ops;

namespace Pith.Building;

/// <summary>
/// Sequences [N, C, L] become images [N, C, 1, L] of one row where a convolution, a pool or a resampling works on them, so that these have the kernels and fusions of images. What follows element
/// by element stays an image, so that a chain of such ops is one region with an Unsqueeze before it and a Squeeze after it.
/// </summary>
internal sealed class Rank3AsImages : LoweringRewrite
{
    private const int RowAxis = 2;

    protected override Replacement? Rewrite(Graph graph, Node node)
    {
        if (IsToImage(node)) return IsOfRegion(node.Input(0)) ? new(node.Input(0)!.Producer!.Input(0)!, null) : null;
        if (node.Output.Type.Rank != 3 || node.Inputs.Count == 0 || node.Input(0)?.Type.Rank != 3) return null;
        if ((StartsRegion(node) ? OfWindow(graph, node) : node.Inputs.Any(IsOfRegion) ? OfFollower(graph, node) : null) is not { } image) return null;
        return new(graph.Add(new Squeeze([RowAxis]), image), image.Producer);
    }

    private static bool StartsRegion(Node node) => node.Op is Conv or ConvTranspose or MaxPool or AveragePool or GlobalAveragePool or GlobalMaxPool or Resize;

    // The value is the result of an op on images.
    private static bool IsOfRegion(Value? value) => value is { Type.Rank: 3, Producer: { Op: Squeeze { Axes: [RowAxis] } } };

    private static bool IsToImage(Node node) => node.Op is Unsqueeze { Axes: [RowAxis] } && node.Output.Type.Rank == 4;

    private static Value? OfWindow(Graph graph, Node node) => node.Op switch
    {
        Conv conv => Add(graph, conv with { Window = Widened(conv.Window) }, [Image(graph, node.Input(0)!), Weight(graph, node.Input(1)!), .. node.Inputs.Skip(2)]),
        ConvTranspose conv => Add(
            graph,
            conv with { Window = Widened(conv.Window), OutputPadding = Prepended(conv.OutputPadding, 0), OutputSizes = Prepended(conv.OutputSizes, 1) },
            [Image(graph, node.Input(0)!), Weight(graph, node.Input(1)!), .. node.Inputs.Skip(2)]),
        MaxPool pool => Add(graph, pool with { Window = Widened(pool.Window) }, [Image(graph, node.Input(0)!)]),
        AveragePool pool => Add(graph, pool with { Window = Widened(pool.Window) }, [Image(graph, node.Input(0)!)]),
        GlobalAveragePool or GlobalMaxPool => Add(graph, node.Op, [Image(graph, node.Input(0)!)]),
        Resize { Axes.Count: 0 } resize => OfResize(graph, node, resize),
        _ => null,
    };

    private static Value? OfResize(Graph graph, Node node, Resize resize)
    {
        // The region of interest has two entries for each axis: left to the op itself.
        if (node.Input(1) is { } region && region.Constant is not { Length: 0 }) return null;
        var operands = new List<Value?> { Image(graph, node.Input(0)!), null };
        for (var i = 2; i < node.Inputs.Count; i++)
        {
            var operand = node.Input(i);
            if (operand is null || operand.Constant is { Length: 0 }) operands.Add(operand);
            else if (operand.Constant is Tensor<float> { Length: 3 } scales) operands.Add(graph.AddConstant(operand.Name, Tensor.Vector(scales.Data[0], scales.Data[1], 1, scales.Data[2])));
            else if (operand.Constant is Tensor<long> { Length: 3 } sizes) operands.Add(graph.AddConstant(operand.Name, Tensor.Vector(sizes.Data[0], sizes.Data[1], 1, sizes.Data[2])));
            else return null;
        }
        return Add(graph, resize, operands.ToArray());
    }

    private static Value? OfFollower(Graph graph, Node node)
    {
        var isElementwise = node.Op is UnaryOp or BinaryOp or Clip or PRelu || (node.Op is QuantizeLinear or DequantizeLinear && IsPerTensor(node));
        var isOfChannels = node.Op is BatchNormalization { TrainingMode: false } or InstanceNormalization;
        if (node.Op is Concat concat)
        {
            if (node.Inputs.Any(input => input!.Type.Rank != 3)) return null;
            return Add(graph, concat with { Axis = AxisOfImage(concat.Axis) }, [.. node.Inputs.Select(input => Image(graph, input!))]);
        }
        if (!isElementwise && !isOfChannels) return null;
        var operands = new Value?[node.Inputs.Count];
        for (var i = 0; i < operands.Length; i++)
        {
            var operand = node.Input(i);
            if (operand is null || (isOfChannels && i > 0) || operand.Type.Rank < 2) operands[i] = operand;
            else if (operand.Type.Rank == 3) operands[i] = Image(graph, operand);
            else if (operand.Constant is { } constant) operands[i] = graph.AddConstant(operand.Name, constant.Reshape(new Shape(constant.Shape[0], 1, constant.Shape[1])));
            else return null;
        }
        return Add(graph, node.Op, operands);
    }

    private static Value Add(Graph graph, Op op, ReadOnlySpan<Value?> inputs) => graph.AddNode(op, inputs, $"{op.Schema.Name}/image").Output;

    private static Value Image(Graph graph, Value value)
    {
        if (value.Constant is { } constant) return graph.AddConstant(value.Name, AsImages(constant));
        if (IsOfRegion(value)) return value.Producer!.Input(0)!;
        return value.Uses.Select(use => use.Node).FirstOrDefault(IsToImage)?.Output ?? graph.Add(new Unsqueeze([RowAxis]), value);
    }

    // [K, C, S] or [C, K, S]; quantized weights stay a constant before DequantizeLinear.
    private static Value Weight(Graph graph, Value weight)
    {
        if (weight.Constant is { } constant) return graph.AddConstant(weight.Name, AsImages(constant));
        if (weight.Producer is { Op: DequantizeLinear { BlockSize: 0 } op } node && (op.Axis is 0 or 1 || IsPerTensor(node)))
            return graph.AddNode(op, [Weight(graph, node.Input(0)!), .. node.Inputs.Skip(1)], node.Name).Output;
        return graph.Add(new Unsqueeze([RowAxis]), weight);
    }

    private static Tensor AsImages(Tensor tensor) => tensor.Reshape(new Shape(tensor.Shape[0], tensor.Shape[1], 1, tensor.Shape[2]));

    private static bool IsPerTensor(Node node) => node.Op is QuantizeLinear { BlockSize: 0 } or DequantizeLinear { BlockSize: 0 } && node.Inputs.Skip(1).All(input => input is null || input.Type.Dims.All(dim => dim == 1));

    private static WindowAttributes Widened(WindowAttributes window) => window with
    {
        KernelShape = Prepended(window.KernelShape, 1),
        Strides = Prepended(window.Strides, 1),
        Dilations = Prepended(window.Dilations, 1),
        Pads = window.Pads.Count == 2 ? [0, window.Pads[0], 0, window.Pads[1]] : window.Pads,
    };

    private static ValueList<int> Prepended(ValueList<int> list, int first) => list.Count == 0 ? list : [first, .. list];

    // Of [N, C, L] in [N, C, 1, L]; negative axes count from the end.
    private static int AxisOfImage(int axis) => (axis < 0 ? axis + 3 : axis) is var own && own < RowAxis ? own : own + 1;
}
