namespace Pith.Ops;

/// <summary>
/// ONNX Gemm: y = alpha * a' * b' + beta * c, where a' and b' are the operands or their transposes. Operands: a [M, K], b [K, N] (with transB [N, K]: the usual layout of the
/// weights of a fully connected layer), optional c that broadcasts to [M, N]. The reference sums over k in order, in double precision, and rounds once.
/// </summary>
public sealed record Gemm : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Gemm", Read) { MinInputs = 2, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>Factor of the product.</summary>
    public float Alpha { get; init; } = 1;

    /// <summary>Factor of c.</summary>
    public float Beta { get; init; } = 1;

    /// <summary>The first operand is [K, M].</summary>
    public bool TransA { get; init; }

    /// <summary>The second operand is [N, K].</summary>
    public bool TransB { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (a, b) = (Reals.FloatType(context, 0), Reals.FloatType(context, 1));
        if (a.Rank != 2 || b.Rank != 2 || a.DataType != b.DataType) throw context.Error("the first two operands must be matrices of one float type");
        if (!Sizes.MayBeEqual(a[TransA ? 0 : 1], b[TransB ? 1 : 0])) throw context.Error($"the inner sizes differ (transA={TransA}, transB={TransB})");
        ValueList<Dim> dims = [a[TransA ? 1 : 0], b[TransB ? 0 : 1]];
        if (context.Has(2) && (context.Type(2).Rank > 2 || Broadcasting.Combine(dims, context.Type(2).Dims) != dims)) throw context.Error($"operand 2 cannot be broadcast to {dims}");
        return [a.With(dims)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (a, b) = (inputs[0]!, inputs[1]!);
        var (rows, depth) = TransA ? (a.Shape[1], a.Shape[0]) : (a.Shape[0], a.Shape[1]);
        var columns = b.Shape[TransB ? 0 : 1];
        var left = TransA ? MatrixLoops.Transpose<double>(Reals.Of(a), depth, rows) : Reals.Of(a);
        var right = TransB ? MatrixLoops.Transpose<double>(Reals.Of(b), columns, depth) : Reals.Of(b);
        var y = new double[rows * columns];
        MatrixLoops.Multiply(left, right, y, rows, depth, columns);
        for (var i = 0; i < y.Length; i++) y[i] *= Alpha;

        var shape = new Shape(rows, columns);
        if (inputs.Count > 2 && inputs[2] is { } c)
        {
            var (data, strides) = (Reals.Of(c), Broadcasting.Strides(c.Shape, shape));
            for (var i = 0; i < y.Length; i++) y[i] += Beta * data[i / columns * strides[0] + i % columns * strides[1]];
        }
        return [Reals.Create(a.DataType, shape, y)];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var (a, b, dy) = (context.Input(0), context.Input(1), context.OutputGradient);
        // y = alpha a' b', so da' = alpha dy b'^T and db' = alpha a'^T dy; where an operand is transposed, so is its gradient.
        return
        [
            !context.Needs(0) ? null
                : TransA ? context.Emit(new Gemm { Alpha = Alpha, TransA = TransB, TransB = true }, b, dy)
                : context.Emit(new Gemm { Alpha = Alpha, TransB = !TransB }, dy, b),
            !context.Needs(1) ? null
                : TransB ? context.Emit(new Gemm { Alpha = Alpha, TransA = true, TransB = TransA }, dy, a)
                : context.Emit(new Gemm { Alpha = Alpha, TransA = !TransA }, a, dy),
            context.Needs(2) ? context.SumTo(2, Beta == 1 ? dy : context.Emit(new Mul(), dy, context.Constant(Beta))) : null,
        ];
    }

    /// <inheritdoc/>
    public override long Cost(Node node) => Sizes.Product(node.Output.Type.Dims.Span) * Sizes.Product([node.Inputs[0]!.Type[TransA ? 0 : 1]]);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Float("alpha", Alpha);
        writer.Float("beta", Beta);
        writer.Flag("transA", TransA);
        writer.Flag("transB", TransB);
    }

    private static Gemm Read(OpReader reader)
    {
        reader.Ignore("broadcast");
        return new() { Alpha = reader.Float("alpha", 1), Beta = reader.Float("beta", 1), TransA = reader.Flag("transA", false), TransB = reader.Flag("transB", false) };
    }
}
