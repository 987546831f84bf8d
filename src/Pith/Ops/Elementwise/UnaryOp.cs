namespace Pith.Ops;

/// <summary>An element-wise op with one operand; the reference computes in double precision and rounds once to the element type.</summary>
public abstract record UnaryOp : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context) =>
        IsDefinedFor(context.Type(0).DataType) ? [context.Type(0)] : throw context.Error($"is not defined for elements of type {context.Type(0).DataType.ShortName()}");

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [inputs[0] switch
    {
        Tensor<float> x => Map(x, value => (float)Apply(value)),
        Tensor<double> x => Map(x, Apply),
        Tensor<Half> x => Map(x, value => (Half)Apply((double)value)),
        Tensor<long> x => Map(x, Apply),
        Tensor<int> x => Map(x, value => (int)Apply((long)value)),
        Tensor<short> x => Map(x, value => (short)Apply((long)value)),
        Tensor<sbyte> x => Map(x, value => (sbyte)Apply((long)value)),
        Tensor<byte> x => Map(x, value => (byte)Apply((long)value)),
        Tensor<ushort> x => Map(x, value => (ushort)Apply((long)value)),
        Tensor<uint> x => Map(x, value => (uint)Apply((long)value)),
        var x => throw new PithException($"{Schema.Name} is not defined for {x}."),
    }];

    /// <summary>The op on one element.</summary>
    protected abstract double Apply(double x);

    /// <summary>The op on one integer; ops that accept integers (<see cref="IsDefinedFor"/>) say here what happens to them.</summary>
    protected virtual long Apply(long x) => throw new NotSupportedException($"{Schema.Name} has no integer form.");

    /// <summary>The element types that the op accepts: floats unless said otherwise.</summary>
    protected virtual bool IsDefinedFor(DataType type) => type.IsFloat();

    /// <summary>Floats and the integers that <see cref="Apply(long)"/> can be called with.</summary>
    protected static bool IsFloatOrInteger(DataType type) =>
        type.IsFloat() || type is DataType.Int64 or DataType.Int32 or DataType.Int16 or DataType.Int8 or DataType.UInt8 or DataType.UInt16 or DataType.UInt32;

    private static Tensor<T> Map<T>(Tensor<T> x, Converter<T, T> apply) where T : unmanaged => Tensor.Create(x.Shape, Array.ConvertAll(x.Data, apply));
}
