namespace Pith.Ops;

/// <summary>ONNX Min: the element-wise smallest of any number of broadcast tensors; NaN wins.</summary>
public sealed record Min : BinaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Min", _ => new Min()) { MaxInputs = int.MaxValue };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => Extremum.Gradient(context);

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right) => T.Min(left, right);

    /// <inheritdoc/>
    protected override Dim? Apply(Dim left, Dim right) => Dim.Min(left, right);
}
