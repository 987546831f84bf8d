namespace Pith.Ops;

/// <summary>Type rules and loops that Conv, ConvInteger, QLinearConv and the gradients share.</summary>
internal static class ConvolutionTypes
{
    /// <summary>The dimensions [N, K, spatial...] of a convolution of operand <paramref name="x"/> by operand <paramref name="w"/>.</summary>
    public static ValueList<Dim> InferForward(InferContext context, WindowAttributes window, int groups, int x, int w, int? bias)
    {
        var (xType, wType) = (context.Type(x), context.Type(w));
        if (xType.Rank < 3 || wType.Rank != xType.Rank) throw context.Error($"expected data [N, C, spatial...] and a weight of the same rank, got ranks {xType.Rank} and {wType.Rank}");
        var kernel = KernelOf(context, wType, window);
        if (groups < 1) throw context.Error($"group must be positive, got {groups}");
        if (xType[1].IsFixed && wType[1].IsFixed && xType[1].Size != wType[1].Size * groups)
            throw context.Error($"the weight has {wType[1]} input channels in each of {groups} groups, the data has {xType[1]} channels");
        if (wType[0].IsFixed && wType[0].Size % groups != 0) throw context.Error($"{wType[0]} filters cannot be divided into {groups} groups");
        if (bias is { } b && context.Has(b) && (context.Type(b).Rank != 1 || !Sizes.MayBeEqual(context.Type(b)[0], wType[0]))) throw context.Error($"the bias must have one element per filter ({wType[0]})");
        return [xType[0], wType[0], .. window.InferOutput(context, xType.Dims.Span[2..], kernel)];
    }

    /// <summary>The weight's spatial sizes, which must be fixed and equal to kernel_shape where that is given.</summary>
    public static int[] KernelOf(InferContext context, TensorType weight, WindowAttributes window)
    {
        var kernel = new int[weight.Rank - 2];
        for (var axis = 0; axis < kernel.Length; axis++) kernel[axis] = weight[axis + 2].IsFixed ? weight[axis + 2].Size : throw context.Error("the weight's kernel size must be fixed");
        if (window.KernelShape.Count > 0 && !window.KernelShape.Span.SequenceEqual(kernel)) throw context.Error($"kernel_shape is {window.KernelShape}, the weight's is [{string.Join(",", kernel)}]");
        return kernel;
    }

    /// <summary>The loops for existing operands, and the shape of the result.</summary>
    public static (ConvolutionLoops Loops, Shape Output) ForwardLoops(Shape x, Shape w, WindowAttributes window, int groups)
    {
        var axes = window.Resolve(x.Dims.Span[2..], w.Dims.Span[2..]);
        var loops = new ConvolutionLoops(x[0], x[1], w[0], groups, WindowGeometry.Of(axes));
        return (loops, new Shape([x[0], w[0], .. axes.Select(axis => axis.Output)]));
    }

    /// <summary>The spatial sizes of data [N, C, spatial...], which a gradient needs as numbers.</summary>
    public static ValueList<int> FixedSizes(Node node, TensorType data)
    {
        var sizes = data.Dims.Skip(2).ToArray();
        return sizes.All(dim => dim.IsFixed)
            ? sizes.Select(dim => dim.Size).ToValueList()
            : throw new PithException($"{node.Op.Schema.Name} '{node.Name}' reads {data}: training needs fixed spatial sizes; bind them with Graph.Clone first.");
    }

    /// <summary>One multiply-accumulate per output element and element of a filter [K, C/groups, kernel...].</summary>
    public static long MultiplyAccumulates(TensorType output, TensorType weight) => Sizes.Product(output.Dims.Span) * Sizes.Product(weight.Dims.Span[1..]);

}
