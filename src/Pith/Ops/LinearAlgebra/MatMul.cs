namespace Pith.Ops;

/// <summary>
/// ONNX MatMul: NumPy's <c>matmul</c>, batch axes broadcast. Operands: a [..., M, K], b [..., K, N]. The reference sums over k in order, floats in double precision,
/// rounded once; integers wrap.
/// </summary>
public sealed record MatMul : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("MatMul", _ => new MatMul()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        if (context.Type(0).DataType != context.Type(1).DataType) throw context.Error("both operands must have the same element type");
        return [context.Type(0).With(MatMulShape.Infer(context, 0, 1))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (a, b) = (inputs[0]!, inputs[1]!);
        var shape = MatMulShape.Of(a.Shape, b.Shape);
        return [a.DataType.IsFloat()
            ? Reals.Create(a.DataType, shape.Output, shape.Multiply(Reals.Of(a), Reals.Of(b)))
            : Tensor.Create(shape.Output, shape.Multiply(Integers(a), Integers(b))).ConvertTo(a.DataType)];
    }

    private static long[] Integers(Tensor tensor) => tensor.ConvertTo(DataType.Int64).As<long>().Data;

    /// <inheritdoc/>
    public override long Cost(Node node) => Sizes.Product(node.Output.Type.Dims.Span) * Sizes.Product(node.Inputs[0]!.Type.Dims.Span[^1..]);
}
