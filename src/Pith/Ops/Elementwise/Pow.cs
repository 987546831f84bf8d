namespace Pith.Ops;

/// <summary>ONNX Pow: the base to the power of the exponent, broadcast; the result has the base's type.</summary>
public sealed record Pow : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Pow", _ => new Pow()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, exponent) = (context.Type(0), context.Type(1));
        if (x.DataType == DataType.Bool || exponent.DataType == DataType.Bool) throw context.Error("is not defined for elements of type bool");
        return [x.With(Broadcasting.Combine(x.Dims, exponent.Dims) ?? throw context.Error("the shapes cannot be broadcast together"))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!.ConvertTo(DataType.Float64).As<double>();
        var exponent = inputs[1]!.ConvertTo(DataType.Float64).As<double>();
        return [Broadcasting.Map<double, double, double>(x, exponent, Math.Pow).ConvertTo(inputs[0]!.DataType)];
    }

    /// <inheritdoc/>
    // d(x^e)/dx = e · x^(e-1) and d(x^e)/de = x^e · ln x.
    public override Value?[] Gradient(GradientContext context)
    {
        Value? dx = null, dExponent = null;
        if (context.Needs(0))
        {
            var lower = context.Emit(new Pow(), context.Input(0), context.Emit(new Sub(), context.Input(1), context.Constant(1)));
            dx = context.SumTo(0, context.Emit(new Mul(), context.OutputGradient, context.Emit(new Mul(), context.Input(1), lower)));
        }
        if (context.Needs(1))
        {
            var slope = context.Emit(new Mul(), context.Output, context.Emit(new Log(), context.Input(0)));
            dExponent = context.SumTo(1, context.Emit(new Mul(), context.OutputGradient, slope));
        }
        return [dx, dExponent];
    }
}
