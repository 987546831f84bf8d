namespace Pith.Ops;

/// <summary>ONNX Identity: the operand itself.</summary>
public sealed record Identity : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Identity", _ => new Identity());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        if (context.KnownShapeValue(0) is { } content) context.SetShapeValue(0, content);
        return [context.Type(0)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [inputs[0]!];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.OutputGradient];
}
