namespace Pith.Ops;

/// <summary>An element-wise op with one operand; the reference computes in double precision and rounds once to the element type.</summary>
public abstract record UnaryOp : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context) => [context.Type(0)];

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [inputs[0] switch
    {
        Tensor<float> x => Map(x, value => (float)Apply(value)),
        Tensor<double> x => Map(x, Apply),
        Tensor<Half> x => Map(x, value => (Half)Apply((double)value)),
        Tensor<int> x => Map(x, value => (int)Apply(value)),
        Tensor<long> x => Map(x, value => (long)Apply(value)),
        Tensor<sbyte> x => Map(x, value => (sbyte)Apply(value)),
        var x => throw new PithException($"{Schema.Name} is not defined for {x}."),
    }];

    /// <summary>The op on one element.</summary>
    protected abstract double Apply(double x);

    private static Tensor<T> Map<T>(Tensor<T> x, Converter<T, T> apply) where T : unmanaged => Tensor.Create(x.Shape, Array.ConvertAll(x.Data, apply));
}
