namespace Pith.Ops;

/// <summary>ONNX Greater: left &gt; right.</summary>
public sealed record Greater : ComparisonOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Greater", _ => new Greater()) { MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool Apply<T>(T left, T right) => left > right;
}
