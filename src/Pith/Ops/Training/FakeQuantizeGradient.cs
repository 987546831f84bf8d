namespace Pith.Ops;

/// <summary>
/// The straight-through estimator of QuantizeLinear followed by DequantizeLinear: dy where x lies within what the integers can represent, else 0. Operands: dy, x, scale and optional
/// zero point of the quantization. Symmetric int8 (zero point 0) passes |x| &lt;= 127 * scale; other types pass their whole range.
/// </summary>
public sealed record FakeQuantizeGradient : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("FakeQuantizeGradient", Read) { Domain = OpSchema.PithDomain, MinInputs = 3, MaxInputs = 4 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The axis that a vector of scales, or the blocks, lie along.</summary>
    public int Axis { get; init; } = 1;

    /// <summary>Elements that share a scale along the axis; 0 when the scale is not blocked.</summary>
    public int BlockSize { get; init; }

    /// <summary>The integers' type.</summary>
    public required DataType Type { get; init; }

    /// <summary>The ratios x / scale that pass, for a zero point: smallest and largest.</summary>
    public static (int Smallest, int Largest) PassingRange(DataType type, int zeroPoint)
    {
        var (min, max) = AffineQuantization.RangeOf(type);
        return type is DataType.Int8 or DataType.Int16 && zeroPoint == 0 ? (-max, max) : (min - zeroPoint, max - zeroPoint);
    }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (dy, x) = (Reals.FloatType(context, 0), Reals.FloatType(context, 1));
        return x.Accepts(dy) ? [x] : throw context.Error("the gradient must have the data's type and shape");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, scale) = (inputs[1]!, inputs[2]!);
        var layout = new ScaleLayout(x.Shape, scale.Shape, Axis, BlockSize);
        var (values, scales) = (QuantizeLinear.Singles(x), QuantizeLinear.Singles(scale));
        var zeroPoints = inputs.Count > 3 && inputs[3] is { } given ? QuantizeLinear.Integers(given) : null;
        var dx = (float[])QuantizeLinear.Singles(inputs[0]!).Clone();
        for (var i = 0; i < dx.Length; i++)
        {
            var s = layout.IndexOf(i);
            var (smallest, largest) = PassingRange(Type, zeroPoints?[s] ?? 0);
            var ratio = values[i] / scales[s];
            if (!(ratio >= smallest && ratio <= largest)) dx[i] = 0;
        }
        return [Tensor.Create(x.Shape, dx).ConvertTo(x.DataType)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("axis", Axis);
        writer.Int("block_size", BlockSize);
        writer.Int("type", (long)Type);
    }

    private static FakeQuantizeGradient Read(OpReader reader) =>
        new() { Axis = reader.Int32("axis", 1), BlockSize = reader.Int32("block_size", 0), Type = (DataType)reader.Int("type", (long)DataType.Int8) };
}
