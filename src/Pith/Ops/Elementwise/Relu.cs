namespace Pith.Ops;

/// <summary>ONNX Relu: max(x, 0).</summary>
public sealed record Relu : UnaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Relu", reader =>
    {
        reader.Ignore("consumed_inputs");
        return new Relu();
    });

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    // Not Math.Max: a NaN must come through as NaN, and -0 as 0.
    protected override double Apply(double x) => x < 0 ? 0 : x;
}
