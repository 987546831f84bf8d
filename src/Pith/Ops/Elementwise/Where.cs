namespace Pith.Ops;

/// <summary>ONNX Where: elements of the second operand where the first (bool) is true, of the third elsewhere; all broadcast together.</summary>
public sealed record Where : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Where", _ => new Where()) { SinceVersion = 9, MinInputs = 3, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (condition, x, y) = (context.Type(0), context.Type(1), context.Type(2));
        if (condition.DataType != DataType.Bool) throw context.Error("the condition must be bool");
        if (x.DataType != y.DataType) throw context.Error("both alternatives must have the same element type");
        InferContent(context);
        var dims = Broadcasting.Combine(x.Dims, y.Dims) is { } alternatives ? Broadcasting.Combine(condition.Dims, alternatives) : null;
        return [x.With(dims ?? throw context.Error("the shapes cannot be broadcast together"))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var shape = Broadcasting.Combine(inputs[0]!.Shape, Broadcasting.Combine(inputs[1]!.Shape, inputs[2]!.Shape));
        var condition = IndexedCopy.Expand(inputs[0]!, shape).As<bool>();
        var x = IndexedCopy.Expand(inputs[1]!, shape);
        var result = IndexedCopy.Expand(inputs[2]!, shape);
        var size = x.DataType.SizeInBytes();
        for (var i = 0; i < condition.Length; i++)
            if (condition.Data[i]) x.Bytes.Slice(i * size, size).CopyTo(result.Bytes[(i * size)..]);
        return [result];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var (condition, zero) = (context.Input(0), context.Constant(0));
        return
        [
            null,
            context.Needs(1) ? context.SumTo(1, context.Emit(new Where(), condition, context.OutputGradient, zero)) : null,
            context.Needs(2) ? context.SumTo(2, context.Emit(new Where(), condition, zero, context.OutputGradient)) : null,
        ];
    }

    // Known where each condition is known and so is the element that it picks.
    private static void InferContent(InferContext context)
    {
        if (context.KnownShapeValue(0) is not { } conditions) return;
        var taken = ShapeValues.Combine(conditions, context.KnownShapeValue(1), (condition, x) => condition == 1 ? x : Dim.Of(0));
        var other = ShapeValues.Combine(conditions, context.KnownShapeValue(2), (condition, y) => condition == 1 ? Dim.Of(0) : y);
        // Of each pair one is 0.
        if (ShapeValues.Combine(taken, other, (x, y) => x == 0 ? y : x) is { } content) context.SetShapeValue(0, content);
    }
}
