namespace Pith.Ops;

/// <summary>ONNX LogSoftmax: x - log(sum(exp(x))) along one axis, computed with the largest element subtracted. The reference computes in double precision.</summary>
public sealed record LogSoftmax : SoftmaxOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LogSoftmax", reader => new LogSoftmax { Axis = ReadAxis(reader), FlattensTrailingAxes = ReadFlattens(reader) });

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    private protected override double Result(double shifted, double sum) => shifted - Math.Log(sum);
}
