namespace Pith.Ops;

/// <summary>
/// ONNX LRN, local response normalization across channels: y = x / (bias + alpha / size * sum of x^2 over <see cref="Size"/> neighbouring channels)^beta. Operand: x [N, C, ...], float.
/// Krizhevsky et al. 2012, section 3.3.
/// </summary>
public sealed record Lrn : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LRN", Read);

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The number of channels that are summed over; of an even number the odd one comes after the channel itself.</summary>
    public required int Size { get; init; }

    /// <summary>Factor of the mean square.</summary>
    public float Alpha { get; init; } = 1e-4f;

    /// <summary>Exponent.</summary>
    public float Beta { get; init; } = 0.75f;

    /// <summary>Added before the power.</summary>
    public float Bias { get; init; } = 1;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 0);
        if (x.Rank < 2 || Size < 1) throw context.Error($"expected data [N, C, ...] and a positive size, got rank {x.Rank} and size {Size}");
        return [x];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var (data, y) = (Reals.Of(x), new double[x.Length]);
        var (channels, size) = (x.Shape[1], ChannelStatistics.PlaneSize(x.Shape));
        ChannelStatistics.ForEachPlane(x.Shape, (c, start) =>
        {
            var (first, last) = Neighbours(c, channels);
            for (var i = start; i < start + size; i++)
            {
                var squares = 0.0;
                for (var neighbour = first; neighbour <= last; neighbour++) squares += Math.Pow(data[i + (neighbour - c) * size], 2);
                y[i] = data[i] / Math.Pow(Bias + Alpha / (double)Size * squares, Beta);
            }
        });
        return [Reals.Create(x.DataType, x.Shape, y)];
    }

    /// <summary>The first and last channel whose squares channel <paramref name="c"/> is divided by.</summary>
    internal (int First, int Last) Neighbours(int c, int channels) => (Math.Max(0, c - (Size - 1) / 2), Math.Min(channels - 1, c + Size / 2));

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.Emit(new LrnGradient(this), context.OutputGradient, context.Input(0))];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("size", Size);
        writer.Float("alpha", Alpha);
        writer.Float("beta", Beta);
        writer.Float("bias", Bias);
    }

    private static Lrn Read(OpReader reader) => new()
    {
        Size = reader.Has("size") ? reader.Int32("size", 1) : throw reader.Error("attribute 'size' is missing"),
        Alpha = reader.Float("alpha", 1e-4f),
        Beta = reader.Float("beta", 0.75f),
        Bias = reader.Float("bias", 1),
    };
}
