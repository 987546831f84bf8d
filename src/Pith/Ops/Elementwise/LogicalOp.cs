namespace Pith.Ops;

/// <summary>An element-wise op on two broadcast bool operands.</summary>
public abstract record LogicalOp : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var (left, right) = (context.Type(0), context.Type(1));
        if (left.DataType != DataType.Bool || right.DataType != DataType.Bool) throw context.Error("both operands must be bool");
        return [left.With(Broadcasting.Combine(left.Dims, right.Dims) ?? throw context.Error("the shapes cannot be broadcast together"))];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount) =>
        [Broadcasting.Map<bool, bool, bool>(inputs[0]!.As<bool>(), inputs[1]!.As<bool>(), Apply)];

    /// <summary>The op on one pair of elements.</summary>
    protected abstract bool Apply(bool left, bool right);
}
