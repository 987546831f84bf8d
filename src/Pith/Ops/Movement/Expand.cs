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
        var shape = context.KnownContent(1) ?? context.ConstantInt64s(1).Select(size => Dim.Of(checked((int)size))).ToValueList();
        if (x.Rank <= 1 && shape.Count == 1 && shape[0].IsFixed && shape[0].Size <= ShapeContent.LongestShape && context.KnownContent(0) is [var element])
            context.SetContent(0, ValueList.Repeat(element, shape[0].Size));
        return [x.With(Broadcasting.Combine(x.Dims, shape) ?? throw context.Error($"{x.Dims} cannot be expanded to {shape}"))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var shape = new Shape([.. inputs[1]!.ToInt64s().Select(size => checked((int)size))]);
        return [IndexedCopy.Expand(x, Broadcasting.Combine(x.Shape, shape))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.SumTo(0, context.OutputGradient), null];
}
