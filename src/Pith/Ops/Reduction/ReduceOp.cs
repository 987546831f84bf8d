namespace Pith.Ops;

/// <summary>
/// An op that turns the elements along some axes into one. The reference computes in double precision and rounds once.
/// The axes are an operand since opset 18 (ReduceSum: 13), and an attribute in Pith.
/// </summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public abstract record ReduceOp(ValueList<int> Axes, bool KeepDims) : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        foreach (var axis in Axes) context.Axis(axis, x.Rank);
        if (x.DataType == DataType.Bool) throw context.Error("is not defined for elements of type bool");
        var reduced = ReducedAxes(x.Rank);
        return [x.With(x.Dims.Select((dim, axis) => reduced.Contains(axis) ? 1 : dim).Where((_, axis) => KeepDims || !reduced.Contains(axis)).ToValueList())];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var reduced = ReducedAxes(x.Shape.Rank);
        var kept = Enumerable.Range(0, x.Shape.Rank).Except(reduced).ToArray();
        // With the reduced axes moved to the back, each result comes from one run of elements.
        var elements = Reals.Of(new Transpose([.. kept, .. reduced]).Evaluate([x], 1)[0]);
        var run = reduced.Aggregate(1, (length, axis) => length * x.Shape[axis]);
        var results = new double[kept.Aggregate(1, (length, axis) => length * x.Shape[axis])];
        for (var i = 0; i < results.Length; i++) results[i] = Reduce(elements.AsSpan(i * run, run));

        var dims = x.Shape.Dims.Select((size, axis) => reduced.Contains(axis) ? 1 : size).Where((_, axis) => KeepDims || !reduced.Contains(axis));
        return [Reals.Create(x.DataType, new Shape([.. dims]), results)];
    }

    /// <inheritdoc/>
    public sealed override void Write(OpWriter writer)
    {
        writer.Flag("keepdims", KeepDims);
        AxesOperand.Write(writer, Axes, index: 1, AxesOperandSince);
    }

    /// <summary>The first opset in which the axes are an operand.</summary>
    protected virtual int AxesOperandSince => 18;

    /// <summary>The result for one run of elements; the run is empty when a reduced axis is.</summary>
    protected abstract double Reduce(ReadOnlySpan<double> elements);

    /// <summary>Reads a node; one that reduces nothing (<c>noop_with_empty_axes</c>) becomes an <see cref="Identity"/>.</summary>
    protected static Op Read(OpReader reader, Func<ValueList<int>, bool, ReduceOp> create, int axesOperandSince = 18)
    {
        var axes = AxesOperand.Read(reader, index: 1, axesOperandSince);
        var keepDims = reader.Flag("keepdims", true);
        return reader.Flag("noop_with_empty_axes", false) && axes.Count == 0 ? new Identity() : create(axes, keepDims);
    }

    /// <summary>The reduced axes in order, counted from the front.</summary>
    protected IReadOnlyList<int> ReducedAxes(int rank) => [.. Axes.Count == 0 ? Enumerable.Range(0, rank) : Axes.Select(axis => Sizes.Axis(axis, rank)).Distinct().Order()];

    /// <summary>Emits the gradient of a largest or smallest element: that of the result, shared out evenly among the elements that are equal to it.</summary>
    protected Value SpreadOverExtremes(GradientContext context)
    {
        var x = context.Input(0);
        var isExtreme = context.Emit(new Cast(x.Type.DataType), context.Emit(new Equal(), x, Spread(context, context.Output)));
        var count = context.Emit(new ReduceSum(ReducedAxes(x.Type.Rank).ToValueList()), isExtreme);
        return context.Emit(new Mul(), Spread(context), context.Emit(new Div(), isExtreme, count));
    }

    /// <summary>Emits the result's gradient, stretched back over the reduced axes to the operand's shape.</summary>
    protected Value Spread(GradientContext context) => Spread(context, context.OutputGradient);

    /// <summary>Emits <paramref name="result"/>, which has the shape of the result, stretched back over the reduced axes to the operand's shape.</summary>
    protected Value Spread(GradientContext context, Value result)
    {
        var x = context.Input(0);
        var reduced = ReducedAxes(x.Type.Rank);
        var gradient = result;
        if (!KeepDims && reduced.Count > 0) gradient = context.Emit(new Unsqueeze(reduced.ToValueList()), gradient);
        var shape = reduced.All(axis => x.Type[axis].IsFixed)
            ? context.Integers([.. x.Type.Dims.Select((dim, axis) => reduced.Contains(axis) ? dim.Size : 1L)])
            : context.Emit(new ShapeOf(), x);
        return context.Emit(new Expand(), gradient, shape);
    }
}
