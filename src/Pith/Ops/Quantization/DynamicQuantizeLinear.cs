namespace Pith.Ops;

/// <summary>
/// ONNX DynamicQuantizeLinear: quantizes x to uint8 with the scale (max(x, 0) - min(x, 0)) / 255 and the zero point that makes 0 exact. Operand: x, float32; results: the integers, the scale and the zero point
/// (scalars). A tensor of zeros gets scale 1.
/// </summary>
public sealed record DynamicQuantizeLinear : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("DynamicQuantizeLinear", _ => new DynamicQuantizeLinear()) { SinceVersion = 11, MinOutputs = 3, MaxOutputs = 3 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        if (context.Type(0).DataType != DataType.Float32) throw context.Error("the data must be float32");
        return [context.Type(0).As(DataType.UInt8), new(DataType.Float32, []), new(DataType.UInt8, [])];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!.As<float>();
        var (smallest, largest) = (0f, 0f);
        foreach (var value in x.Data) (smallest, largest) = (MathF.Min(smallest, value), MathF.Max(largest, value));
        var scale = largest == smallest ? 1 : (largest - smallest) / 255;
        var zeroPoint = (byte)Math.Clamp(MathF.Round(-smallest / scale, MidpointRounding.ToEven), 0, 255);
        var quantized = Array.ConvertAll(x.Data, value => (byte)AffineQuantization.Quantize(value, scale, zeroPoint, (0, 255)));
        return [Tensor.Create(x.Shape, quantized), Tensor.Scalar(scale), Tensor.Scalar(zeroPoint)];
    }
}
