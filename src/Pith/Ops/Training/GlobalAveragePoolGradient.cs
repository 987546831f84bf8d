namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="GlobalAveragePool"/>: dy divided evenly over all positions. Operand: dy [N, C, 1...]; result [N, C, <see cref="InputSizes"/>...].
/// </summary>
public sealed record GlobalAveragePoolGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } =
        new("GlobalAveragePoolGradient", reader => new GlobalAveragePoolGradient { InputSizes = reader.Ints("input_sizes") ?? [] }) { Domain = OpSchema.PithDomain };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The spatial sizes of the forward op's operand.</summary>
    public required ValueList<int> InputSizes { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var dy = Reals.FloatType(context, 0);
        if (dy.Rank != InputSizes.Count + 2) throw context.Error($"expected rank {InputSizes.Count + 2}");
        return [dy.With([dy[0], dy[1], .. InputSizes.Select(Dim.Of)])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var dy = inputs[0]!;
        var shape = new Shape([dy.Shape[0], dy.Shape[1], .. InputSizes]);
        var (gradient, dx, size) = (Reals.Of(dy), new double[shape.Length], ChannelStatistics.PlaneSize(shape));
        for (var i = 0; i < dx.Length; i++) dx[i] = gradient[i / size] / size;
        return [Reals.Create(dy.DataType, shape, dx)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Ints("input_sizes", InputSizes);
}
