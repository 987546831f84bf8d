namespace Pith.Ops;

/// <summary>ONNX Round: to the nearest integer, halves to the even one.</summary>
public sealed record Round : UnaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Round", _ => new Round()) { SinceVersion = 11 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override double Apply(double x) => Math.Round(x, MidpointRounding.ToEven);
}
