namespace Pith.Ops;

/// <summary>
/// The gradient of a quantization's scale (Esser et al., "Learned step size quantization", 2020, equation 3), summed over the elements that share the scale: dy * (round(x / scale) - x / scale) where x lies within the range that
/// <see cref="FakeQuantizeGradient"/> passes, dy times the smallest or largest step beyond. Steps are integers less the zero point. Operands: dy, x, scale and optional zero point of the quantization; the result has the scale's type.
/// </summary>
public sealed record LearnedScaleGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("LearnedScaleGradient", Read) { Domain = OpSchema.PithDomain, MinInputs = 3, MaxInputs = 4 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The axis that a vector of scales lies along.</summary>
    public int Axis { get; init; } = 1;

    /// <summary>The integers' type.</summary>
    public required DataType Type { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (dy, x, scale) = (Reals.FloatType(context, 0), Reals.FloatType(context, 1), Reals.FloatType(context, 2));
        if (!x.Accepts(dy)) throw context.Error("the gradient must have the data's type and shape");
        return scale.Rank <= 1 ? [scale] : throw context.Error($"the scale must be a scalar or a vector, got rank {scale.Rank}");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, scale) = (inputs[1]!, inputs[2]!);
        var layout = new ScaleLayout(x.Shape, scale.Shape, Axis, 0);
        var (gradients, values, scales) = (QuantizeLinear.Singles(inputs[0]!), QuantizeLinear.Singles(x), QuantizeLinear.Singles(scale));
        var zeroPoints = inputs.Count > 3 && inputs[3] is { } given ? QuantizeLinear.Integers(given) : null;
        var (min, max) = AffineQuantization.RangeOf(Type);
        var sums = new double[scales.Length];
        for (var i = 0; i < values.Length; i++)
        {
            var s = layout.IndexOf(i);
            var zero = zeroPoints?[s] ?? 0;
            var (smallest, largest) = FakeQuantizeGradient.PassingRange(Type, zero);
            var ratio = values[i] / scales[s];
            var step = Math.Clamp(Math.Round(ratio, MidpointRounding.ToEven), min - zero, max - zero);
            sums[s] += gradients[i] * (ratio >= smallest && ratio <= largest ? (double)step - ratio : step);
        }
        return [Tensor.Create(scale.Shape, Array.ConvertAll(sums, sum => (float)sum)).ConvertTo(scale.DataType)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("axis", Axis);
        writer.Int("type", (long)Type);
    }

    private static LearnedScaleGradient Read(OpReader reader) => new() { Axis = reader.Int32("axis", 1), Type = (DataType)reader.Int("type", (long)DataType.Int8) };
}
