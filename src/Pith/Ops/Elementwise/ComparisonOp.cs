using System.Numerics;

namespace Pith.Ops;

/// <summary>An element-wise comparison of two broadcast operands of one type; the result is bool.</summary>
public abstract record ComparisonOp : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var (left, right) = (context.Type(0), context.Type(1));
        if (left.DataType != right.DataType) throw context.Error("both operands must have the same element type");
        if (left.DataType == DataType.Bool && !IsDefinedForBool) throw context.Error("is not defined for elements of type bool");
        var dims = Broadcasting.Combine(left.Dims, right.Dims) ?? throw context.Error("the shapes cannot be broadcast together");
        if (ShapeValues.Combine(context.KnownShapeValue(0), context.KnownShapeValue(1), Apply) is { } content) context.SetShapeValue(0, content);
        return [new TensorType(DataType.Bool, dims)];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [(inputs[0]!, inputs[1]!) switch
    {
        (Tensor<float> a, Tensor<float> b) => Broadcasting.Map<float, float, bool>(a, b, Apply),
        (Tensor<double> a, Tensor<double> b) => Broadcasting.Map<double, double, bool>(a, b, Apply),
        (Tensor<Half> a, Tensor<Half> b) => Broadcasting.Map<Half, Half, bool>(a, b, Apply),
        (Tensor<long> a, Tensor<long> b) => Broadcasting.Map<long, long, bool>(a, b, Apply),
        (Tensor<int> a, Tensor<int> b) => Broadcasting.Map<int, int, bool>(a, b, Apply),
        (Tensor<short> a, Tensor<short> b) => Broadcasting.Map<short, short, bool>(a, b, Apply),
        (Tensor<sbyte> a, Tensor<sbyte> b) => Broadcasting.Map<sbyte, sbyte, bool>(a, b, Apply),
        (Tensor<byte> a, Tensor<byte> b) => Broadcasting.Map<byte, byte, bool>(a, b, Apply),
        (Tensor<ushort> a, Tensor<ushort> b) => Broadcasting.Map<ushort, ushort, bool>(a, b, Apply),
        (Tensor<uint> a, Tensor<uint> b) => Broadcasting.Map<uint, uint, bool>(a, b, Apply),
        (Tensor<ulong> a, Tensor<ulong> b) => Broadcasting.Map<ulong, ulong, bool>(a, b, Apply),
        // Of all comparisons only Equal gets here; false and true compare as 0 and 1.
        (Tensor<bool> a, Tensor<bool> b) => Broadcasting.Map<bool, bool, bool>(a, b, (left, right) => Apply(left ? 1 : 0, right ? 1 : 0)),
        var (a, _) => throw new PithException($"{Schema.Name} is not defined for {a}."),
    }];

    /// <summary>True when booleans can be compared too.</summary>
    protected virtual bool IsDefinedForBool => false;

    /// <summary>The comparison of two known dimensions as 0 or 1; null when unknown.</summary>
    protected virtual Dim? Apply(Dim left, Dim right) => null;

    /// <summary>The comparison of one pair of elements.</summary>
    protected abstract bool Apply<T>(T left, T right) where T : struct, INumber<T>;
}
