using System.Runtime.InteropServices;

namespace Pith.Ops;

/// <summary>ONNX ConstantOfShape: a tensor of the shape that the operand holds, filled with one value.</summary>
/// <param name="Type">The element type.</param>
/// <param name="Element">The value's bytes in the machine's order, as many as the type has.</param>
public sealed record ConstantOfShape(DataType Type, ValueList<byte> Element) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ConstantOfShape", Read) { SinceVersion = 9, ShapeOperands = [0] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The op that fills with <paramref name="value"/>.</summary>
    public static ConstantOfShape Of<T>(T value) where T : unmanaged => new(DataTypes.Of<T>(), ValueList.Create<byte>(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value))));

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        if (context.Type(0) is not { DataType: DataType.Int64, Rank: 1 }) throw context.Error("the shape must be a vector of 64-bit integers");
        var dims = context.Dims(0);
        if (dims is [{ IsFixed: true, Value: >= 0 and <= ShapeValues.LongestShape } count] && ShapeValues.Of(Value) is [var element])
            context.SetShapeValue(0, ValueList.Repeat(element, count.Size));
        return [new TensorType(Type, dims)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var shape = Sizes.AsShape(inputs[0]!);
        return [IndexedCopy.Expand(Value, shape)];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => writer.TensorAttribute("value", Value.Reshape(new Shape(1)));

    private static ConstantOfShape Read(OpReader reader)
    {
        var value = reader.TensorAttribute("value") ?? Tensor.Scalar(0f);
        return value.Length == 1 ? new ConstantOfShape(value.DataType, ValueList.Create<byte>(value.Bytes)) : throw reader.Error($"attribute 'value' must have one element, got {value}");
    }

    private Tensor Value
    {
        get
        {
            var value = Tensor.Zeros(Type, new Shape());
            Element.Span.CopyTo(value.Bytes);
            return value;
        }
    }
}
