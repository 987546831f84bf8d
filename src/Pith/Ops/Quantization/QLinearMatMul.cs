namespace Pith.Ops;

/// <summary>
/// ONNX QLinearMatMul: a product of quantized matrices, accumulated in 32-bit integers and requantized (<see cref="AffineQuantization.Requantize"/>) with the multiplier a scale * b scale / y scale.
/// Operands: a, a scale, a zero point, b, b scale, b zero point, y scale, y zero point (whose type is the output's). Parameters of a may be per row, those of b per column.
/// </summary>
public sealed record QLinearMatMul : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("QLinearMatMul", _ => new QLinearMatMul()) { SinceVersion = 10, MinInputs = 8, MaxInputs = 8 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        IntegerOperand.Check(context, 0, 2, 3, 5, 7);
        return [new(context.Type(7).DataType, MatMulShape.Infer(context, 0, 3))];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var (a, b, type) = (inputs[0]!, inputs[3]!, inputs[7]!.DataType);
        var shape = MatMulShape.Of(a.Shape, b.Shape);
        var y = shape.Multiply(IntegerOperand.CenteredMatrix(a, IntegerOperand.PerRow(inputs[2])), IntegerOperand.CenteredMatrix(b, inputs[5]));

        var (zeroPoint, range) = (QuantizeLinear.Integers(inputs[7]!)[0], AffineQuantization.RangeOf(type));
        var multipliers = Broadcasting.Map(Broadcasting.Map(Singles(IntegerOperand.PerRow(inputs[1])), Singles(inputs[4]), (left, right) => left * right), Singles(inputs[6]), (product, scale) => product / scale);
        var requantized = Broadcasting.Map(Tensor.Create(shape.Output, y), multipliers, (sum, multiplier) => AffineQuantization.Requantize(sum, multiplier, zeroPoint, range));
        return [requantized.ConvertTo(type)];
    }

    private static Tensor<float> Singles(Tensor? tensor) => (Tensor<float>)tensor!.ConvertTo(DataType.Float32);

    /// <inheritdoc/>
    public override long Cost(Node node) => Sizes.Product(node.Output.Type.Dims.Span) * Sizes.Product(node.Inputs[0]!.Type.Dims.Span[^1..]);

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        if (writer.InputType(1)?.DataType == DataType.Float16) writer.RequireOpset(21, "QLinearMatMul with half-precision scales");
    }
}
