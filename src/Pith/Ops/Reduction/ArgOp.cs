namespace Pith.Ops;

/// <summary>An op that finds the position of an extreme element along an axis.</summary>
/// <param name="Axis">The axis; negative counts from the end.</param>
/// <param name="KeepDims">True when the axis stays with size 1.</param>
/// <param name="SelectLast">True when of equal elements the last one counts, not the first.</param>
public abstract record ArgOp(int Axis, bool KeepDims, bool SelectLast) : Op
{
    /// <inheritdoc/>
    public sealed override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var axis = context.Axis(Axis, x.Rank);
        if (x[axis] == 0) throw context.Error($"axis {axis} has no elements");
        Dim[] middle = KeepDims ? [1] : [];
        return [new TensorType(DataType.Int64, [.. x.Dims.Take(axis), .. middle, .. x.Dims.Skip(axis + 1)])];
    }

    /// <inheritdoc/>
    public sealed override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var axis = Sizes.Axis(Axis, x.Shape.Rank);
        var (outer, size, inner) = Sizes.Split(x.Shape, axis);
        var elements = Reals.Of(x);
        var best = new long[outer * inner];
        for (var o = 0; o < outer; o++)
            for (var i = 0; i < inner; i++)
            {
                var found = 0;
                for (var k = 1; k < size; k++)
                {
                    var (candidate, sofar) = (elements[(o * size + k) * inner + i], elements[(o * size + found) * inner + i]);
                    if (IsBetter(candidate, sofar) || (SelectLast && candidate == sofar)) found = k;
                }
                best[o * inner + i] = found;
            }
        int[] middle = KeepDims ? [1] : [];
        return [Tensor.Create(new Shape([.. x.Shape.Dims.Take(axis), .. middle, .. x.Shape.Dims.Skip(axis + 1)]), best)];
    }

    /// <inheritdoc/>
    public sealed override void Write(OpWriter writer)
    {
        writer.Int("axis", Axis);
        writer.Flag("keepdims", KeepDims);
        if (SelectLast) writer.Flag("select_last_index", true);
    }

    /// <summary>True when <paramref name="candidate"/> should replace <paramref name="best"/>.</summary>
    protected abstract bool IsBetter(double candidate, double best);
}
