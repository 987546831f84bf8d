namespace Pith.Ops;

/// <summary>ONNX GlobalAveragePool: the mean over all spatial axes, [N, C, spatial...] to [N, C, 1...]. The reference sums in double precision.</summary>
public sealed record GlobalAveragePool : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("GlobalAveragePool", _ => new GlobalAveragePool());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context) => [PoolingTypes.InferGlobal(context)];

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var data = Reals.Of(x);
        var (planes, size) = (x.Shape.LengthOf(0, 2), x.Shape.LengthOf(2, x.Shape.Rank));
        var means = new double[planes];
        for (var plane = 0; plane < planes; plane++)
        {
            foreach (var value in data.AsSpan(plane * size, size)) means[plane] += value;
            means[plane] /= size;
        }
        return [Reals.Create(x.DataType, new Shape([x.Shape[0], x.Shape[1], .. Enumerable.Repeat(1, x.Shape.Rank - 2)]), means)];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Emit(new GlobalAveragePoolGradient { InputSizes = ConvolutionTypes.FixedSizes(context.Node, context.Input(0).Type) }, context.OutputGradient)];
}
