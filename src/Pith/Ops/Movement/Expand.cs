namespace Pith.Ops;

/// <summary>ONNX Expand: the operand broadcast together with a shape. Operands x and the shape, in which 1 keeps the operand's own size.</summary>
public sealed record Expand : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Expand", _ => new Expand()) { SinceVersion = 8, MinInputs = 2, MaxInputs = 2, ShapeOperands = [1] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var shape = context.Dims(1);
        if (x.Rank <= 1 && shape is [{ IsFixed: true, Value: >= 0 and <= ShapeValues.LongestShape } count] && context.KnownShapeValue(0) is [var element])
            context.SetShapeValue(0, ValueList.Repeat(element, count.Size));
        return [x.With(Broadcasting.Combine(x.Dims, shape) ?? throw context.Error($"{x.Dims} cannot be expanded to {shape}"))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var shape = Sizes.AsShape(inputs[1]!);
        return [IndexedCopy.Expand(x, Broadcasting.Combine(x.Shape, shape))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.SumTo(0, context.OutputGradient), null];
}
