namespace Pith.Ops;

/// <summary>What the forms of batch normalization share: statistics per channel of [N, C, ...], and normalizing with them.</summary>
internal static class ChannelStatistics
{
    /// <summary>Requires operands <paramref name="parameters"/> to be vectors with one element per channel of operand <paramref name="x"/>.</summary>
    public static void CheckParameters(InferContext context, int x, params ReadOnlySpan<int> parameters)
    {
        var type = context.Type(x);
        if (type.Rank < 2) throw context.Error($"expected data [N, C, ...], got rank {type.Rank}");
        foreach (var parameter in parameters)
            if (Reals.FloatType(context, parameter) is var vector && (vector.Rank != 1 || !Sizes.MayBeEqual(vector[0], type[1])))
                throw context.Error($"operand {parameter} must have one element for each of the {type[1]} channels");
    }

    /// <summary>Calls <paramref name="visit"/> with the channel and the start of each plane of a tensor [N, C, ...].</summary>
    public static void ForEachPlane(Shape shape, Action<int, int> visit)
    {
        var size = PlaneSize(shape);
        for (var plane = 0; plane < shape[0] * shape[1]; plane++) visit(plane % shape[1], plane * size);
    }

    /// <summary>Elements of a tensor [N, C, ...] that belong to one channel of one image.</summary>
    public static int PlaneSize(Shape shape) => shape.LengthOf(2, shape.Rank);

    /// <summary>Mean and biased variance (mean squared deviation) per channel, over batch and positions.</summary>
    public static (double[] Mean, double[] Variance) Measure(Shape shape, double[] x)
    {
        var (mean, variance) = (new double[shape[1]], new double[shape[1]]);
        var count = (double)shape[0] * PlaneSize(shape);
        ForEachPlane(shape, (c, start) =>
        {
            foreach (var value in x.AsSpan(start, PlaneSize(shape))) mean[c] += value / count;
        });
        ForEachPlane(shape, (c, start) =>
        {
            foreach (var value in x.AsSpan(start, PlaneSize(shape))) variance[c] += (value - mean[c]) * (value - mean[c]) / count;
        });
        return (mean, variance);
    }

    /// <summary>(x - mean) / sqrt(variance + epsilon) * scale + bias.</summary>
    public static Tensor Normalize(Tensor x, double[] data, double[] scale, double[] bias, double[] mean, double[] variance, float epsilon)
    {
        var y = new double[data.Length];
        ForEachPlane(x.Shape, (c, start) =>
        {
            var factor = scale[c] / Math.Sqrt(variance[c] + epsilon);
            for (var i = start; i < start + PlaneSize(x.Shape); i++) y[i] = (data[i] - mean[c]) * factor + bias[c];
        });
        return Reals.Create(x.DataType, x.Shape, y);
    }
}
