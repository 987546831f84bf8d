using System.Numerics;

namespace Pith.Ops;

/// <summary>An element-wise op with two broadcast operands of one numeric type.</summary>
public abstract record BinaryOp : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var (left, right) = (context.Type(0), context.Type(1));
        if (left.DataType != right.DataType) throw context.Error("both operands must have the same element type");
        var dims = Broadcasting.Combine(left.Dims, right.Dims) ?? throw context.Error("the shapes cannot be broadcast together");
        InferContent(context);
        return [left.With(dims)];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) => [(inputs[0]!, inputs[1]!) switch
    {
        (Tensor<float> a, Tensor<float> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<double> a, Tensor<double> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<Half> a, Tensor<Half> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<long> a, Tensor<long> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<int> a, Tensor<int> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<short> a, Tensor<short> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<sbyte> a, Tensor<sbyte> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<byte> a, Tensor<byte> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<ushort> a, Tensor<ushort> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<uint> a, Tensor<uint> b) => Broadcasting.Map(a, b, Apply),
        (Tensor<ulong> a, Tensor<ulong> b) => Broadcasting.Map(a, b, Apply),
        var (a, _) => throw new PithException($"{Schema.Name} is not defined for {a}."),
    }];

    /// <summary>The op on one pair of elements; integers wrap.</summary>
    protected abstract T Apply<T>(T left, T right) where T : struct, INumber<T>;

    /// <summary>The op on two known dimensions when it can be done on shapes; null when unknown.</summary>
    protected virtual Dim? Apply(Dim left, Dim right) => null;

    private void InferContent(InferContext context)
    {
        if (context.KnownContent(0) is not { } left || context.KnownContent(1) is not { } right) return;
        var count = Math.Max(left.Count, right.Count);
        if (left.Count == 0 || right.Count == 0 || (left.Count != count && left.Count != 1) || (right.Count != count && right.Count != 1)) return;
        var content = new Dim[count];
        for (var i = 0; i < count; i++)
        {
            if (Apply(left[left.Count == 1 ? 0 : i], right[right.Count == 1 ? 0 : i]) is not { } dim) return;
            content[i] = dim;
        }
        context.SetContent(0, ValueList.Create<Dim>(content));
    }
}
