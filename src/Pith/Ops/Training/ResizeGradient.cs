namespace Pith.Ops;

/// <summary>The gradient of <see cref="Resize"/>, which is linear in its data: each element of dy is added to the elements that it was interpolated from, with the same weights. Operands: those of the forward op, then dy; result dx.</summary>
/// <param name="Forward">The op whose gradient this is.</param>
public sealed record ResizeGradient(Resize Forward) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("ResizeGradient", reader => new ResizeGradient(ResizeAttributes.Read(reader))) { Domain = OpSchema.PithDomain, MinInputs = 2, MaxInputs = 5 };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var (x, dy) = (Reals.FloatType(context, 0), context.Type(context.InputCount - 1));
        return x.DataType == dy.DataType && x.Rank == dy.Rank ? [x] : throw context.Error("the data and the gradient must be floats of one type and rank");
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        return [Reals.Create(x.DataType, x.Shape, Forward.Adjoint(x.Shape, [.. inputs.SkipLast(1)], Reals.Of(inputs[^1]!)))];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer) => Forward.Write(writer);
}
