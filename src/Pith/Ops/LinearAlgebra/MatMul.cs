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
    public override Value?[] Gradient(GradientContext context)
    {
        var (a, b, dy) = (context.Input(0), context.Input(1), context.OutputGradient);
        // A vector is a matrix with an axis of size 1 that the result does not have.
        var (isRow, isColumn) = (a.Type.Rank == 1, b.Type.Rank == 1);
        if (isColumn) dy = context.Emit(new Unsqueeze([-1]), dy);
        if (isRow) dy = context.Emit(new Unsqueeze([-2]), dy);
        if (isRow) a = context.Emit(new Unsqueeze([0]), a);
        if (isColumn) b = context.Emit(new Unsqueeze([1]), b);
        Value? da = null, db = null;
        if (context.Needs(0)) da = context.Emit(new MatMul(), dy, Transposed(context, b));
        if (context.Needs(1)) db = b.Type.Rank == 2 && a.Type[-1].IsFixed && dy.Type[-1].IsFixed ? context.Emit(new Gemm { TransA = true }, Rows(context, a), Rows(context, dy)) : context.Emit(new MatMul(), Transposed(context, a), dy);
        if (isRow && da is not null) da = context.Emit(new Squeeze([-2]), da);
        if (isColumn && db is not null) db = context.Emit(new Squeeze([-1]), db);
        return [da is null ? null : context.SumTo(0, da), db is null ? null : context.SumTo(1, db)];
    }

    // All rows of all matrices: where one matrix is multiplied with all of them, its gradient is one product of these.
    private static Value Rows(GradientContext context, Value matrices) =>
        matrices.Type.Rank == 2 ? matrices : context.Emit(new Reshape(), matrices, context.Integers(-1, matrices.Type[-1].Size));

    private static Value Transposed(GradientContext context, Value matrices)
    {
        var rank = matrices.Type.Rank;
        return context.Emit(new Transpose([.. Enumerable.Range(0, rank - 2), rank - 1, rank - 2]), matrices);
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => Sizes.Product(node.Output.Type.Dims.Span) * Sizes.Product(node.Inputs[0]!.Type.Dims.Span[^1..]);
}
