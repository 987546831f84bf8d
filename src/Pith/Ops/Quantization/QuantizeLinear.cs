namespace Pith.Ops;

/// <summary>
/// ONNX QuantizeLinear: saturate(round(x / scale) + zero point), ties to even; see <see cref="AffineQuantization"/>. Operands: x (float or int32), scale (a scalar, a vector along
/// <see cref="Axis"/>, or one per block), optional zero point, whose type is the output's (uint8 without one). With an 8-bit float as the type: x / scale, rounded to it and saturated.
/// </summary>
public sealed record QuantizeLinear : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("QuantizeLinear", Read) { SinceVersion = 10, MinInputs = 2, MaxInputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The axis that a vector of scales, or the blocks, lie along.</summary>
    public int Axis { get; init; } = 1;

    /// <summary>Elements that share a scale along the axis; 0 when the scale is not blocked.</summary>
    public int BlockSize { get; init; }

    /// <summary>The output's type when there is no zero point to tell it; null: uint8.</summary>
    public DataType? OutputType { get; init; }

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        if (!context.Type(0).DataType.IsFloat() && context.Type(0).DataType != DataType.Int32) throw context.Error("the data must be float or int32");
        ScaleLayout.Check(context, Axis, BlockSize);
        var type = context.Has(2) ? context.Type(2).DataType : OutputType ?? DataType.UInt8;
        if (type is not (DataType.Int8 or DataType.UInt8 or DataType.Int16 or DataType.UInt16 or DataType.Int4 or DataType.UInt4) && !type.IsFloat8())
            throw context.Error($"the output must be an integer of 4, 8 or 16 bits or an 8-bit float, got {type.ShortName()}");
        if (OutputType is { } declared && declared != type) throw context.Error($"output_dtype is {declared.ShortName()}, the zero point is {type.ShortName()}");
        return [context.Type(0).As(type)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (x, scale, zeroPoint) = (inputs[0]!, inputs[1]!, inputs.Count > 2 ? inputs[2] : null);
        var type = zeroPoint?.DataType ?? OutputType ?? DataType.UInt8;
        return [Quantize(x, scale, zeroPoint, type)];
    }

    private Tensor Quantize(Tensor x, Tensor scale, Tensor? zeroPoint, DataType type)
    {
        if (type.IsFloat8()) return ToFloat8(x, scale, type);
        var range = AffineQuantization.RangeOf(type);
        var layout = new ScaleLayout(x.Shape, scale.Shape, Axis, BlockSize);
        var (values, scales, zeroPoints) = (Singles(x), Singles(scale), zeroPoint is null ? null : Integers(zeroPoint));
        var quantized = new int[values.Length];
        for (var i = 0; i < quantized.Length; i++)
        {
            var s = layout.IndexOf(i);
            quantized[i] = AffineQuantization.Quantize(values[i], scales[s], zeroPoints?[s] ?? 0, range);
        }
        return Tensor.Create(x.Shape, quantized).ConvertTo(type);
    }

    // 8-bit floats have the zero point 0.
    private Tensor ToFloat8(Tensor x, Tensor scale, DataType type)
    {
        var layout = new ScaleLayout(x.Shape, scale.Shape, Axis, BlockSize);
        var (values, scales) = (Singles(x), Singles(scale));
        return Tensor.Create(x.Shape, values.Select((value, i) => value / scales[layout.IndexOf(i)]).ToArray()).ConvertTo(type);
    }

    /// <summary>8-bit floats came with opset 19, integers of 4 and 16 bits with 21.</summary>
    internal static void RequireTypeOf(OpWriter writer, DataType? integers)
    {
        if (integers is DataType.Float8E4M3 or DataType.Float8E5M2) writer.RequireOpset(19, $"Quantization to {integers.Value.ShortName()}");
        if (integers is DataType.Int16 or DataType.UInt16 or DataType.Int4 or DataType.UInt4) writer.RequireOpset(21, $"Quantization to {integers.Value.ShortName()}");
    }

    internal static float[] Singles(Tensor tensor) => tensor.ConvertTo(DataType.Float32).As<float>().Data;

    internal static int[] Integers(Tensor tensor) => tensor.ConvertTo(DataType.Int32).As<int>().Data;

    /// <inheritdoc/>
    /// <remarks>
    /// The straight-through estimator. The gradient "of an integer" is stated in units of the real number that it stands for, so DequantizeLinear passes dy on unchanged, ops that commute with
    /// quantization treat it as usual, and QuantizeLinear lets through what lies within the range. The gradient of the scale is that of the pair, see <see cref="LearnedScaleGradient"/>.
    /// </remarks>
    public override Value?[] Gradient(GradientContext context)
    {
        var node = context.Node;
        var type = node.Output.Type.DataType;
        var dx = context.Needs(0) ? context.Emit(new FakeQuantizeGradient { Axis = Axis, BlockSize = BlockSize, Type = type }, context.OutputGradient, context.Input(0), context.Input(1), node.Input(2)) : null;
        if (!context.Needs(1)) return [dx, null, null];
        if (BlockSize > 0 || !node.Output.Uses.All(use => Undoes(use.Node, node)))
            throw new PithException($"QuantizeLinear '{node.Name}': the scale '{node.Inputs[1]!.Name}' cannot be trained, because it is a scale of blocks, or something else than a DequantizeLinear of the same scale reads the integers. Freeze it after calibration.");
        return [dx, context.Emit(new LearnedScaleGradient { Axis = Axis, Type = type }, context.OutputGradient, context.Input(0), context.Input(1), node.Input(2)), null];
    }

    /// <summary>Whether a node turns what <paramref name="quantize"/> makes back into reals, with the same scale and zero point.</summary>
    internal static bool Undoes(Node node, Node quantize) =>
        node.Op is DequantizeLinear && ReferenceEquals(node.Inputs[0], quantize.Output) && ReferenceEquals(node.Inputs[1], quantize.Inputs[1]) && ReferenceEquals(node.Input(2), quantize.Input(2));

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        RequireTypeOf(writer, writer.InputType(2)?.DataType);
        writer.Int("axis", Axis);
        if (BlockSize > 0 || OutputType is not (null or DataType.UInt8)) writer.RequireOpset(21, "QuantizeLinear with block_size or output_dtype (instead of a zero point)");
        if (BlockSize > 0) writer.Int("block_size", BlockSize);
        if (OutputType is { } type && writer.Opset >= 21) writer.Int("output_dtype", (long)type);
    }

    private static QuantizeLinear Read(OpReader reader)
    {
        var declared = reader.Int("output_dtype", 0);
        Cast.RequireSaturation(reader, reader.InputType(2)?.DataType ?? (DataType)declared);
        if (declared != 0 && !Enum.IsDefined((DataType)declared)) throw reader.Error($"output_dtype {declared} is not supported");
        return new() { Axis = reader.Int32("axis", 1), BlockSize = reader.Int32("block_size", 0), OutputType = declared == 0 ? null : (DataType)declared };
    }
}
