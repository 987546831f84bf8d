namespace Pith.Ops;

/// <summary>ONNX Mul: the element-wise product of two broadcast tensors.</summary>
public sealed record Mul : BinaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Mul", _ => new Mul()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
    [
        context.Needs(0) ? context.SumTo(0, context.Emit(new Mul(), context.OutputGradient, context.Input(1))) : null,
        context.Needs(1) ? context.SumTo(1, context.Emit(new Mul(), context.OutputGradient, context.Input(0))) : null,
    ];

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right) => left * right;

    /// <inheritdoc/>
    protected override Dim? Apply(Dim left, Dim right) => left * right;
}
