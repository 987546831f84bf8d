namespace Pith.Ops;

/// <summary>ONNX CastLike: the first operand's elements converted to the type of the second, as <see cref="Cast"/> does.</summary>
public sealed record CastLike : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("CastLike", Read) { SinceVersion = 15, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context) => [context.Type(0).As(context.Type(1).DataType)];

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [inputs[0]!.ConvertTo(inputs[1]!.DataType)];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Input(0).Type.DataType.IsFloat() ? context.Emit(new Cast(context.Input(0).Type.DataType), context.OutputGradient) : null, null];

    private static CastLike Read(OpReader reader)
    {
        Cast.RequireSaturation(reader, reader.InputType(1)?.DataType ?? DataType.Float32);
        return new CastLike();
    }
}
