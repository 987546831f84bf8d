namespace Pith.Ops;

/// <summary>ONNX ArgMax: the 64-bit index of the largest element along an axis.</summary>
/// <param name="Axis">The axis; negative counts from the end.</param>
/// <param name="KeepDims">True when the axis stays with size 1.</param>
/// <param name="SelectLast">True when of equal elements the last one counts, not the first.</param>
public sealed record ArgMax(int Axis = 0, bool KeepDims = true, bool SelectLast = false) : ArgOp(Axis, KeepDims, SelectLast)
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ArgMax", reader =>
        new ArgMax(reader.Int32("axis", 0), reader.Flag("keepdims", true), reader.Flag("select_last_index", false)));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    protected override bool IsBetter(double candidate, double best) => candidate > best;
}
