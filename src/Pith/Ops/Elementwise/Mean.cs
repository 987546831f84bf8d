namespace Pith.Ops;

/// <summary>ONNX Mean: the element-wise mean of any number of broadcast float tensors.</summary>
public sealed record Mean : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Mean", _ => new Mean()) { MaxInputs = int.MaxValue };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        Reals.FloatType(context, 0);
        return new Sum().Infer(context);
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var sum = new Sum().Evaluate(inputs, 1)[0];
        var count = Tensor.Scalar((float)inputs.Count).ConvertTo(sum.DataType);
        return new Div().Evaluate([sum, count], 1);
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var share = context.Emit(new Mul(), context.OutputGradient, context.Constant(1f / context.Node.Inputs.Count));
        return [.. context.Node.Inputs.Select((_, i) => context.Needs(i) ? context.SumTo(i, share) : null)];
    }
}
