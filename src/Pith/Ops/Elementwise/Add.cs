namespace Pith.Ops;

/// <summary>ONNX Add: the element-wise sum of two broadcast tensors.</summary>
public sealed record Add : BinaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Add", _ => new Add()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
    [
        context.Needs(0) ? context.SumTo(0, context.OutputGradient) : null,
        context.Needs(1) ? context.SumTo(1, context.OutputGradient) : null,
    ];

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right) => left + right;

    /// <inheritdoc/>
    protected override Dim? Apply(Dim left, Dim right) => left + right;
}
