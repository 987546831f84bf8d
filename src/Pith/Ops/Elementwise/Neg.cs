namespace Pith.Ops;

/// <summary>ONNX Neg: -x.</summary>
public sealed record Neg : UnaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Neg", _ => new Neg());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.Emit(new Neg(), context.OutputGradient)];

    /// <inheritdoc/>
    protected override bool IsDefinedFor(DataType type) => IsFloatOrInteger(type);

    /// <inheritdoc/>
    protected override double Apply(double x) => -x;

    /// <inheritdoc/>
    protected override long Apply(long x) => unchecked(-x);
}
