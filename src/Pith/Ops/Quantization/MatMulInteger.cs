namespace Pith.Ops;

/// <summary>
/// ONNX MatMulInteger: the product of (a - a zero point) and (b - b zero point) in 32-bit integers. Operands: a [..., M, K] and b [..., K, N], int8 or uint8; optional zero points, each a scalar,
/// a vector (per row of a, per column of b), or of a shape that broadcasts to its matrix.
/// </summary>
public sealed record MatMulInteger : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("MatMulInteger", _ => new MatMulInteger()) { SinceVersion = 10, MinInputs = 2, MaxInputs = 4 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        IntegerOperand.Check(context, 0, 1, 2, 3);
        return [new(DataType.Int32, MatMulShape.Infer(context, 0, 1))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (a, b) = (inputs[0]!, inputs[1]!);
        var shape = MatMulShape.Of(a.Shape, b.Shape);
        var left = IntegerOperand.CenteredMatrix(a, IntegerOperand.PerRow(IntegerOperand.Optional(inputs, 2)));
        return [Tensor.Create(shape.Output, shape.Multiply(left, IntegerOperand.CenteredMatrix(b, IntegerOperand.Optional(inputs, 3))))];
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => Sizes.Product(node.Output.Type.Dims.Span) * Sizes.Product(node.Inputs[0]!.Type.Dims.Span[^1..]);
}
