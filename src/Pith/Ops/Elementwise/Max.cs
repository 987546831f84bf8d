namespace Pith.Ops;

/// <summary>ONNX Max: the element-wise largest of any number of broadcast tensors; NaN wins.</summary>
public sealed record Max : BinaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Max", _ => new Max()) { MaxInputs = int.MaxValue };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => Extremum.Gradient(context);

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right) => T.Max(left, right);

    /// <inheritdoc/>
    protected override Dim? Apply(Dim left, Dim right) => Dim.Max(left, right);
}
