namespace Pith.Ops;

/// <summary>
/// ONNX DequantizeLinear: (x - zero point) * scale. Operands: x (an integer of 4, 8 or 16 bits, int32 or an 8-bit float), scale (a scalar, a vector along <see cref="Axis"/>, or one per block),
/// optional zero point of x's type. The output has the scale's type.
/// </summary>
public sealed record DequantizeLinear : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("DequantizeLinear", Read) { SinceVersion = 10, MinInputs = 2, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The axis that a vector of scales, or the blocks, lie along.</summary>
    public int Axis { get; init; } = 1;

    /// <summary>Elements that share a scale along the axis; 0 when the scale is not blocked.</summary>
    public int BlockSize { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        if (x.DataType is not (DataType.Int8 or DataType.UInt8 or DataType.Int16 or DataType.UInt16 or DataType.Int32 or DataType.Int4 or DataType.UInt4) && !x.DataType.IsFloat8())
            throw context.Error("the data must be an integer of 4, 8, 16 or (signed) 32 bits or an 8-bit float");
        ScaleLayout.Check(context, Axis, BlockSize);
        if (context.Has(2) && context.Type(2).DataType != x.DataType) throw context.Error("the zero point must have the data's type");
        return [x.As(context.Type(1).DataType)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, scale, zeroPoint) = (inputs[0]!, inputs[1]!, inputs.Count > 2 ? inputs[2] : null);
        var layout = new ScaleLayout(x.Shape, scale.Shape, Axis, BlockSize);
        if (x.DataType.IsFloat8())
        {
            // 8-bit floats have the zero point 0.
            var factors = QuantizeLinear.Singles(scale);
            return [Tensor.Create(x.Shape, QuantizeLinear.Singles(x).Select((value, i) => value * factors[layout.IndexOf(i)]).ToArray()).ConvertTo(scale.DataType)];
        }
        var (values, scales, zeroPoints) = (QuantizeLinear.Integers(x), QuantizeLinear.Singles(scale), zeroPoint is null ? null : QuantizeLinear.Integers(zeroPoint));
        var y = new float[values.Length];
        for (var i = 0; i < y.Length; i++)
        {
            var s = layout.IndexOf(i);
            y[i] = AffineQuantization.Dequantize(values[i], zeroPoints?[s] ?? 0, scales[s]);
        }
        return [Tensor.Create(x.Shape, y).ConvertTo(scale.DataType)];
    }

    /// <inheritdoc/>
    /// <remarks>See <see cref="QuantizeLinear.Gradient"/>: the gradient of the integers is stated in the units of the output, and the QuantizeLinear before has that of the scale.</remarks>
    public override Value?[] Gradient(GradientContext context) => context.Needs(1) && !(context.Input(0).Producer is { Op: QuantizeLinear } quantize && QuantizeLinear.Undoes(context.Node, quantize))
        ? throw new PithException($"DequantizeLinear '{context.Node.Name}': the scale '{context.Input(1).Name}' cannot be trained; freeze it after calibration.")
        : [.. context.Node.Inputs.Select((_, index) => index == 0 ? context.OutputGradient : null)];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        QuantizeLinear.RequireTypeOf(writer, writer.InputType(0)?.DataType);
        writer.Int("axis", Axis);
        if (BlockSize == 0) return;
        writer.RequireOpset(21, "DequantizeLinear with block_size");
        writer.Int("block_size", BlockSize);
    }

    private static DequantizeLinear Read(OpReader reader) => new() { Axis = reader.Int32("axis", 1), BlockSize = reader.Int32("block_size", 0) };
}
