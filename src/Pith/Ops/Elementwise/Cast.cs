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
        // What does not fit the new type is not known, see ShapeValues.As.
        if (To is DataType.Int64 or DataType.Int32 && context.KnownShapeValue(0) is { } content) context.SetShapeValue(0, content);
        return [context.Type(0).As(To)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [inputs[0]!.ConvertTo(To)];

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) =>
        [context.Input(0).Type.DataType.IsFloat() ? context.Emit(new Cast(context.Input(0).Type.DataType), context.OutputGradient) : null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        writer.Int("to", (long)To);
        if (To == DataType.BFloat16) return; // since opset 13, the oldest that is written
        QuantizeLinear.RequireTypeOf(writer, To is DataType.Int16 or DataType.UInt16 ? null : To);
    }

    private static Cast Read(OpReader reader)
    {
        var to = (DataType)reader.Int32("to", 0);
        RequireSaturation(reader, to);
        return Enum.IsDefined(to) ? new Cast(to) : throw reader.Error($"attribute 'to' asks for ONNX element type {(int)to}, which Pith has no tensors of");
    }

    /// <summary>Since opset 19 an attribute says whether 8-bit floats saturate; it means nothing for other types.</summary>
    internal static void RequireSaturation(OpReader reader, DataType to)
    {
        if (!reader.Flag("saturate", true) && to.IsFloat8()) throw reader.Error("conversion to 8-bit floats is supported with saturation only (saturate = 1)");
    }
}
