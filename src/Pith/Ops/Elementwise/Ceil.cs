namespace Pith.Ops;

/// <summary>ONNX Ceil: rounds up.</summary>
public sealed record Ceil : UnaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Ceil", _ => new Ceil());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Ceiling(x);
}
