namespace Pith.Ops;

/// <summary>ONNX ReduceMean: the mean along some axes.</summary>
/// <param name="Axes">The axes to reduce, negative from the end; empty: all.</param>
/// <param name="KeepDims">True when reduced axes stay with size 1.</param>
public sealed record ReduceMean(ValueList<int> Axes = default, bool KeepDims = true) : ReduceOp(Axes, KeepDims)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ReduceMean", reader => Read(reader, (axes, keepDims) => new ReduceMean(axes, keepDims))) { MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var x = context.Input(0);
        var reduced = ReducedAxes(x.Type.Rank);
        if (reduced.All(axis => x.Type[axis].IsFixed))
        {
            var count = reduced.Aggregate(1L, (length, axis) => length * x.Type[axis].Size);
            return [context.Emit(new Mul(), Spread(context), context.Constant(1f / count))];
        }
        // How many elements a mean is of is known at run time only.
        var sizes = context.Emit(new Gather(), context.Emit(new ShapeOf(), x), context.Integers([.. reduced.Select(axis => (long)axis)]));
        var length = context.Emit(new Cast(DataType.Float32), context.Emit(new ReduceProd(KeepDims: false), sizes));
        return [context.Emit(new Div(), Spread(context), length)];
    }

    /// <inheritdoc/>
    protected override T Reduce<T>(ReadOnlySpan<T> elements)
    {
        // As real numbers also for integers, whose type may not hold the sum or the count.
        var result = 0.0;
        foreach (var x in elements) result += double.CreateChecked(x);
        return FromReal<T>(result / elements.Length);
    }
}
