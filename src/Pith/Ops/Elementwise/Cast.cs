namespace Pith.Ops;

/// <summary>ONNX Cast: the elements converted to another type; floats to integers truncate toward zero, integers wrap, non-zero is true.</summary>
/// <param name="To">The element type of the result.</param>
public sealed record Cast(DataType To) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Cast", Read);

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        // What does not fit the new type is not known, see ShapeContent.As.
        if (To is DataType.Int64 or DataType.Int32 && context.KnownContent(0) is { } content) context.SetContent(0, content);
        return [context.Type(0).As(To)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [inputs[0]!.ConvertTo(To)];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Input(0).Type.DataType.IsFloat() ? context.Emit(new Cast(context.Input(0).Type.DataType), context.OutputGradient) : null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.Int("to", (long)To);

    private static Cast Read(OpReader reader)
    {
        // Since opset 19; concerns 8-bit floats only.
        reader.Ignore("saturate");
        var to = (DataType)reader.Int32("to", 0);
        return Enum.IsDefined(to) ? new Cast(to) : throw reader.Error($"attribute 'to' asks for ONNX element type {(int)to}, which Pith has no tensors of");
    }
}
