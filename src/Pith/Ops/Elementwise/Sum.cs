namespace Pith.Ops;

/// <summary>ONNX Sum: the element-wise sum of any number of broadcast tensors.</summary>
public sealed record Sum : BinaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Sum", _ => new Sum()) { MaxInputs = int.MaxValue };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [.. context.Node.Inputs.Select((_, i) => context.Needs(i) ? context.SumTo(i, context.OutputGradient) : null)];

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right) => left + right;
}
