namespace Pith.Ops;

/// <summary>ONNX Mod: the element-wise remainder of two broadcast tensors.</summary>
/// <param name="Truncated">True (<c>fmod</c>): the remainder has the sign of the dividend, as in C. False: of the divisor, as in Python; integers only.</param>
public sealed record Mod(bool Truncated = false) : BinaryOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Mod", reader => new Mod(reader.Flag("fmod", false))) { SinceVersion = 10, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Flag("fmod", Truncated);

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right)
    {
        var remainder = left % right;
        return Truncated || T.IsZero(remainder) || T.IsNegative(remainder) == T.IsNegative(right) ? remainder : remainder + right;
    }
}
