namespace Pith.Ops;

/// <summary>ONNX Dropout as inference sees it: the operand itself and, if asked for, a mask that keeps everything.</summary>
/// <param name="Ratio">The share of elements that training would drop.</param>
public sealed record Dropout(float Ratio = 0.5f) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Dropout", Read) { MaxOutputs = 2 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        return context.OutputCount == 1 ? [x] : [x, x.As(DataType.Bool)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        if (outputCount == 1) return [x];
        var mask = Tensor.Zeros<bool>(x.Shape);
        mask.Span.Fill(true);
        return [x, mask];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.OutputGradient];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Input(1, Tensor.Scalar(Ratio));

    private static Dropout Read(OpReader reader)
    {
        if (reader.Opset < 12) return new Dropout(reader.Float("ratio", 0.5f));
        // The seed only matters where something is dropped.
        reader.Ignore("seed");
        if (reader.TakeInput(2)?.ConvertTo(DataType.Bool).As<bool>().Data is [true])
            throw reader.Error("training_mode is set; Pith runs Dropout in inference mode only, so export the network for inference");
        var ratio = reader.TakeInput(1)?.ConvertTo(DataType.Float32).As<float>().Data[0];
        return new Dropout(ratio ?? 0.5f);
    }
}
