namespace Pith.Ops;

/// <summary>ONNX Gather: slices of x along an axis, picked by an integer tensor whose shape takes the axis's place. Operands x and indices; negative indices count from the end.</summary>
/// <param name="Axis">The axis; negative counts from the end.</param>
public sealed record Gather(int Axis = 0) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Gather", reader => new Gather(reader.Int32("axis", 0))) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, indices) = (context.Type(0), context.Type(1));
        if (indices.DataType is not (DataType.Int64 or DataType.Int32)) throw context.Error("the indices must be integers");
        var axis = context.Axis(Axis, x.Rank);
        if (x.Rank == 1 && context.KnownShapeValue(0) is { } content && context.KnownShapeValue(1) is { } picked && picked.All(index => index.IsFixed))
            context.SetShapeValue(0, picked.Select(index => content[context.Axis(index.Value, content.Count)]).ToValueList());
        return [x.With([.. x.Dims.Take(axis), .. indices.Dims, .. x.Dims.Skip(axis + 1)])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, indices) = (inputs[0]!, inputs[1]!);
        var axis = Sizes.Axis(Axis, x.Shape.Rank);
        var strides = x.Shape.Strides();
        var tables = strides.Select((stride, other) => IndexedCopy.Table(x.Shape[other], stride)).ToArray();
        tables[axis] = [.. indices.ToInt64s().Select(index => GatherElements.Position(index, x.Shape[axis]) * strides[axis])];
        var gathered = IndexedCopy.Read(x, tables);
        return [gathered.Reshape(new Shape([.. x.Shape.Dims.Take(axis), .. indices.Shape.Dims, .. x.Shape.Dims.Skip(axis + 1)]))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [Padded(context) ?? MovementGradient.Emit(context), null];

    /// <summary>One constant index: the gradient lies at its place, and zeros around it. Null for others, which may be there several times.</summary>
    private Value? Padded(GradientContext context)
    {
        if (!context.Needs(0) || context.Input(1).Constant is not { Length: 1 } index) return null;
        var x = context.Input(0).Type;
        var axis = Sizes.Axis(Axis, x.Rank);
        if (!x[axis].IsFixed) return null;
        var position = GatherElements.Position(index.ToInt64s()[0], x[axis].Size);
        var amounts = new long[2 * x.Rank];
        (amounts[axis], amounts[x.Rank + axis]) = (position, x[axis].Size - 1 - position);
        var gradient = context.OutputGradient;
        if (index.Shape.Rank == 0) gradient = context.Emit(new Unsqueeze([axis]), gradient);
        else if (index.Shape.Rank > 1) gradient = context.Emit(new Squeeze([.. Enumerable.Range(axis + 1, index.Shape.Rank - 1)]), gradient);
        return context.Emit(new Pad(), gradient, context.Integers(amounts));
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Int("axis", Axis);
}
