namespace Pith.Ops;

/// <summary>ONNX Squeeze: removes axes of size 1.</summary>
/// <param name="Axes">
/// The axes to remove, negative from the end; empty: every axis of size 1. Of a graph, those whose size is known to be 1: an axis that is known by name stays, also when its size turns out to be 1 at a run,
/// because the rank of a value cannot depend on the batch. An operand since opset 13.
/// </param>
public sealed record Squeeze(ValueList<int> Axes = default) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Squeeze", Read) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        foreach (var axis in Axes)
            if (x[context.Axis(axis, x.Rank)] is { IsFixed: true, Size: not 1 } size) throw context.Error($"axis {axis} has the size {size}, and only axes of size 1 can be squeezed");
        if (context.KnownShapeValue(0) is { } content) context.SetShapeValue(0, content);
        return [x.With(Kept(x.Dims, dim => dim == 1))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) =>
        [inputs[0]!.Reshape(new Shape(Kept(inputs[0]!.Shape.Dims, size => size == 1).Span))];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.ReshapeTo(0, context.OutputGradient)];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => AxesOperand.Write(writer, Axes, index: 1, since: 13);

    // Which axes are meant is settled here, so that a batch of 1 is not squeezed away with them.
    private static Squeeze Read(OpReader reader)
    {
        var axes = AxesOperand.Read(reader, index: 1, since: 13);
        return axes.Count == 0 && reader.InputType(0) is { IsStatic: false } x ? new Squeeze(Enumerable.Range(0, x.Rank).Where(axis => x[axis] == 1).ToValueList()) : new Squeeze(axes);
    }

    private ValueList<T> Kept<T>(ValueList<T> dims, Func<T, bool> isOne)
    {
        var removed = Axes.Select(axis => Sizes.Axis(axis, dims.Count)).ToHashSet();
        return dims.Where((dim, axis) => Axes.Count > 0 ? !removed.Contains(axis) : !isOne(dim)).ToValueList();
    }
}
