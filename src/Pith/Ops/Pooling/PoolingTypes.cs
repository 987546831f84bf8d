namespace Pith.Ops;

/// <summary>Type rules and geometry that the pooling ops share.</summary>
internal static class PoolingTypes
{
    /// <summary>The pooled type of operand <paramref name="x"/>: batch and channels stay.</summary>
    public static TensorType Infer(InferContext context, WindowAttributes window, int x)
    {
        var type = context.Type(x);
        if (type.Rank < 3) throw context.Error($"expected data [N, C, spatial...], got rank {type.Rank}");
        var spatial = window.InferOutput(context, type.Dims.Span[2..], window.KernelShape.Span);
        // Such a window would see nothing but padding: the largest element and the mean of none.
        for (var i = 0; i < window.Pads.Count && window.AutoPad == AutoPad.NotSet; i++)
        {
            var axis = i % spatial.Length;
            var extent = (window.KernelShape[axis] - 1) * (long)(window.Dilations.Count > 0 ? window.Dilations[axis] : 1) + 1;
            if (window.Pads[i] >= extent) throw context.Error($"pads of {window.Pads[i]} along spatial axis {axis} are not smaller than the window, which covers {extent}");
        }
        return type.With([type[0], type[1], .. spatial]);
    }

    /// <summary>The type with every spatial size 1.</summary>
    public static TensorType InferGlobal(InferContext context)
    {
        var type = Reals.FloatType(context, 0);
        if (type.Rank < 2) throw context.Error($"expected data [N, C, spatial...], got rank {type.Rank}");
        return type.With([type[0], type[1], .. Enumerable.Repeat(Dim.Of(1), type.Rank - 2)]);
    }

    /// <summary>The window over an input of shape <paramref name="x"/>, and the shape of the pooled output.</summary>
    public static (WindowGeometry Geometry, Shape Output) Resolve(Shape x, WindowAttributes window)
    {
        var axes = window.Resolve(x.Dims.Span[2..], window.KernelShape.Span);
        return (WindowGeometry.Of(axes), new Shape([x[0], x[1], .. axes.Select(axis => axis.Output)]));
    }

    /// <summary>The attributes of pooling, where kernel_shape is required and incomplete windows may count.</summary>
    public static WindowAttributes Read(OpReader reader) => reader.Has("kernel_shape")
        ? WindowAttributes.Read(reader) with { CeilMode = reader.Flag("ceil_mode", false) }
        : throw reader.Error("attribute 'kernel_shape' is missing");

    /// <summary>Writes what <see cref="Read"/> reads.</summary>
    public static void Write(OpWriter writer, WindowAttributes window)
    {
        window.Write(writer);
        if (window.CeilMode) writer.Flag("ceil_mode", true);
    }
}
