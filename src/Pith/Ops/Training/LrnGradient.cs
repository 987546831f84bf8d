namespace Pith.Ops;

/// <summary>
/// The gradient of <see cref="Lrn"/>. Operands: dy, x, both [N, C, ...]; result dx, where with s = bias + alpha / size * the sum of squares of a channel's neighbours, dx[c] = dy[c] * s[c]^-beta
/// - 2 * alpha * beta / size * x[c] * the sum of dy[k] * x[k] * s[k]^(-beta - 1) over the channels k that c is a neighbour of.
/// </summary>
/// <param name="Forward">The op whose gradient this is.</param>
public sealed record LrnGradient(Lrn Forward) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LRNGradient", reader => new LrnGradient((Lrn)Lrn.Definition.Read(reader))) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = Reals.FloatType(context, 1);
        return x.Accepts(context.Type(0)) ? [x] : throw context.Error("the gradient must have the data's type and shape");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (dy, data, shape) = (Reals.Of(inputs[0]!), Reals.Of(inputs[1]!), inputs[1]!.Shape);
        var (channels, size, share) = (shape[1], ChannelStatistics.PlaneSize(shape), Forward.Alpha / (double)Forward.Size);
        var dx = new double[data.Length];
        ChannelStatistics.ForEachPlane(shape, (c, start) =>
        {
            var (first, last) = Forward.Neighbours(c, channels);
            for (var i = start; i < start + size; i++)
            {
                var sum = (double)Forward.Bias;
                for (var k = first; k <= last; k++) sum += share * data[i + (k - c) * size] * data[i + (k - c) * size];
                var (power, common) = (Math.Pow(sum, -Forward.Beta), 2 * share * Forward.Beta * dy[i] * data[i]);
                dx[i] += dy[i] * power;
                for (var k = first; k <= last; k++) dx[i + (k - c) * size] -= common * power / sum * data[i + (k - c) * size];
            }
        });
        return [Reals.Create(inputs[1]!.DataType, shape, dx)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => Forward.Write(writer);
}
