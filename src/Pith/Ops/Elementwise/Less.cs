namespace Pith.Ops;

/// <summary>ONNX Less: left &lt; right.</summary>
public sealed record Less : ComparisonOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Less", _ => new Less()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool Apply<T>(T left, T right) => left < right;
}
