namespace Pith.Ops;

/// <summary>ONNX Div: the element-wise quotient of two broadcast tensors; integers truncate toward zero, and the one quotient that does not fit, -2^31 / -1 (or -2^63 / -1), wraps.</summary>
public sealed record Div : BinaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Div", _ => new Div()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    // d(a/b)/da = 1/b and d(a/b)/db = -(a/b)/b.
    public override Value?[] Gradient(GradientContext context)
    {
        var scaled = context.Emit(new Div(), context.OutputGradient, context.Input(1));
        return
        [
            context.Needs(0) ? context.SumTo(0, scaled) : null,
            context.Needs(1) ? context.SumTo(1, context.Emit(new Neg(), context.Emit(new Mul(), scaled, context.Output))) : null,
        ];
    }

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right) => IsMinusOne(right) ? T.Zero - left : left / right;

    /// <inheritdoc/>
    // Rounding down is truncating where both are known to be no less than 0.
    protected override Dim? Apply(Dim left, Dim right)
    {
        if (left.IsFixed && right.IsFixed) return right.Value == 0 ? null : Dim.Of(checked(left.Value / right.Value));
        return Dim.DivideExactly(left, right) ?? (left.IsNonNegative && right is { IsFixed: true, Value: > 0 } ? Dim.FloorDivide(left, right) : null);
    }
}
