using System.Numerics;

namespace Pith.Ops;

/// <summary>
/// An element-wise op on broadcast operands of one numeric type: two of them, or (Max, Min, Sum) any number combined from left to right.
/// </summary>
public abstract record BinaryOp : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var result = context.Type(0);
        if (result.DataType == DataType.Bool) throw context.Error("is not defined for elements of type bool");
        for (var i = 1; i < context.InputCount; i++)
        {
            var operand = context.Type(i);
            if (operand.DataType != result.DataType) throw context.Error("all operands must have the same element type");
            result = result.With(Broadcasting.Combine(result.Dims, operand.Dims) ?? throw context.Error("the shapes cannot be broadcast together"));
        }
        if (context.InputCount == 2 && ShapeValues.Combine(context.KnownShapeValue(0), context.KnownShapeValue(1), Apply) is { } content) context.SetShapeValue(0, content);
        return [result];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        try
        {
            return [inputs.Aggregate((left, right) => Combine(left!, right!))!];
        }
        catch (ArithmeticException failure)
        {
            throw new PithException($"{Schema.Name} of {string.Join(" and ", inputs)}: an integer is divided by zero.", failure);
        }
    }

    /// <summary>The op on one pair of elements; integers wrap.</summary>
    protected abstract T Apply<T>(T left, T right) where T : struct, INumber<T>;

    /// <summary>The op on two known elements when it can be done on shapes, without wrapping; null when unknown.</summary>
    protected virtual Dim? Apply(Dim left, Dim right) => null;

    /// <summary>True for the divisor -1 of the types whose division overflows in hardware, which .NET makes an exception.</summary>
    private protected static bool IsMinusOne<T>(T divisor) where T : struct, INumber<T> => (typeof(T) == typeof(int) || typeof(T) == typeof(long)) && divisor + T.One == T.Zero;

    private Tensor Combine(Tensor left, Tensor right) => (left, right) switch
    {
        (Tensor<float> a, Tensor<float> b) => Broadcasting.Map<float, float, float>(a, b, Apply),
        (Tensor<double> a, Tensor<double> b) => Broadcasting.Map<double, double, double>(a, b, Apply),
        (Tensor<Half> a, Tensor<Half> b) => Broadcasting.Map<Half, Half, Half>(a, b, Apply),
        (Tensor<long> a, Tensor<long> b) => Broadcasting.Map<long, long, long>(a, b, Apply),
        (Tensor<int> a, Tensor<int> b) => Broadcasting.Map<int, int, int>(a, b, Apply),
        (Tensor<short> a, Tensor<short> b) => Broadcasting.Map<short, short, short>(a, b, Apply),
        (Tensor<sbyte> a, Tensor<sbyte> b) => Broadcasting.Map<sbyte, sbyte, sbyte>(a, b, Apply),
        (Tensor<byte> a, Tensor<byte> b) => Broadcasting.Map<byte, byte, byte>(a, b, Apply),
        (Tensor<ushort> a, Tensor<ushort> b) => Broadcasting.Map<ushort, ushort, ushort>(a, b, Apply),
        (Tensor<uint> a, Tensor<uint> b) => Broadcasting.Map<uint, uint, uint>(a, b, Apply),
        (Tensor<ulong> a, Tensor<ulong> b) => Broadcasting.Map<ulong, ulong, ulong>(a, b, Apply),
        _ => throw new PithException($"{Schema.Name} is not defined for {left} and {right}."),
    };
}
