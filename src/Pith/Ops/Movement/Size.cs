namespace Pith.Ops;

/// <summary>ONNX Size: the number of elements as a 64-bit scalar.</summary>
public sealed record Size : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Size", _ => new Size());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        context.SetShapeValue(0, [context.Type(0).Dims.Aggregate(Dim.Of(1), (product, dim) => product * dim)]);
        return [new TensorType(DataType.Int64, [])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [Tensor.Scalar((long)inputs[0]!.Length)];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [null];
}
