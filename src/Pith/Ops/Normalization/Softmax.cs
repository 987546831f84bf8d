namespace Pith.Ops;

/// <summary>ONNX Softmax: exp(x) / sum(exp(x)) along one axis, computed with the largest element subtracted. The reference computes in double precision.</summary>
public sealed record Softmax : SoftmaxOp
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Softmax", reader => new Softmax { Axis = ReadAxis(reader), FlattensTrailingAxes = ReadFlattens(reader) });

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    private protected override double Result(double shifted, double sum) => Math.Exp(shifted) / sum;
}
