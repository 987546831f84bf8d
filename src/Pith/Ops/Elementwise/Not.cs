namespace Pith.Ops;

/// <summary>ONNX Not: true becomes false and false true.</summary>
public sealed record Not : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Not", _ => new Not());

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context) =>
        context.Type(0).DataType == DataType.Bool ? [context.Type(0)] : throw context.Error("the operand must be bool");

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!.As<bool>();
        return [Tensor.Create(x.Shape, Array.ConvertAll(x.Data, value => !value))];
    }
}
