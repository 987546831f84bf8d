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
    protected override Dim? Apply(Dim left, Dim right)
    {
        if (right is not { IsFixed: true, Value: not (0 or -1) }) return null;
        if (left.IsFixed && right.IsFixed) return Dim.Of(Truncated ? left.Value % right.Value : Division.Remainder(left.Value, right.Value));
        return right.Value > 0 && (!Truncated || left.IsNonNegative) ? left - Dim.FloorDivide(left, right) * right : null;
    }

    /// <inheritdoc/>
    protected override T Apply<T>(T left, T right)
    {
        if (IsMinusOne(right)) return T.Zero;
        var remainder = left % right;
        return Truncated || T.IsZero(remainder) || T.IsNegative(remainder) == T.IsNegative(right) ? remainder : remainder + right;
    }
}
