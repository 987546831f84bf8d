namespace Pith.Ops;

/// <summary>ONNX PRelu: x, or slope · x below 0. Operands x and slope; the slope is broadcast to the shape of x.</summary>
public sealed record PRelu : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("PRelu", _ => new PRelu()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, slope) = (Reals.FloatType(context, 0), context.Type(1));
        if (slope.DataType != x.DataType || Broadcasting.Combine(x.Dims, slope.Dims) is not { } dims || dims.Count != x.Rank || !x.Accepts(x.With(dims)))
            throw context.Error("the slope must have the type of x and broadcast to its shape");
        return [x];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, slope) = (inputs[0]!.ConvertTo(DataType.Float64).As<double>(), inputs[1]!.ConvertTo(DataType.Float64).As<double>());
        return [Broadcasting.Map<double, double, double>(x, slope, (value, factor) => value < 0 ? value * factor : value).ConvertTo(inputs[0]!.DataType)];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var (x, slope, dy, zero) = (context.Input(0), context.Input(1), context.OutputGradient, context.Constant(0));
        var isNegative = context.Emit(new Less(), x, zero);
        return
        [
            context.Needs(0) ? context.Emit(new Where(), isNegative, context.Emit(new Mul(), dy, slope), dy) : null,
            context.Needs(1) ? context.SumTo(1, context.Emit(new Where(), isNegative, context.Emit(new Mul(), dy, x), zero)) : null,
        ];
    }
}
