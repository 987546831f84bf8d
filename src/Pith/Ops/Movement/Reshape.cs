namespace Pith.Ops;

/// <summary>
/// ONNX Reshape: the same elements under another shape. Operands x and the shape, in which one -1 stands for what is left, and 0 for
/// the operand's own size at that place.
/// </summary>
/// <param name="AllowZero">True when a 0 in the shape means a size of 0.</param>
public sealed record Reshape(bool AllowZero = false) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Reshape", reader => new Reshape(reader.Flag("allowzero", false))) { MinInputs = 2, MaxInputs = 2, ShapeOperands = [1] };

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var shape = context.Dims(1);
        if (context.KnownShapeValue(0) is { } content) context.SetShapeValue(0, content);
        var result = Resolve(x.Dims, shape) ?? throw context.Error($"{x.Dims} cannot be reshaped to {shape}");
        return [x.With(result)];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var wanted = inputs[1]!.ToInt64s().Select(Dim.Of).ToValueList();
        var dims = Resolve(x.Shape.Dims.Select(Dim.Of).ToValueList(), wanted) ?? throw new PithException($"Reshape: {x.Shape} cannot be reshaped to {wanted}.");
        return [x.Reshape(new Shape([.. dims.Select(dim => dim.Size)]))];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context) => [context.ReshapeTo(0, context.OutputGradient), null];

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        if (!AllowZero) return;
        writer.RequireOpset(14, "Reshape with allowzero");
        writer.Flag("allowzero", true);
    }

    // The result's dimensions, or null when the numbers of elements differ.
    private ValueList<Dim>? Resolve(ValueList<Dim> from, ValueList<Dim> wanted)
    {
        var result = wanted.ToArray();
        if (!AllowZero)
            for (var axis = 0; axis < result.Length; axis++)
                if (result[axis] == 0)
                {
                    if (axis >= from.Count) return null;
                    result[axis] = from[axis];
                }

        var open = Array.IndexOf(result, Dim.Of(-1));
        if (result.Where((dim, axis) => dim is { IsFixed: true, Value: < 0 } && axis != open).Any()) return null;
        var (rest, known) = Cancel(from, result.Where((_, axis) => axis != open));
        if (open < 0) return rest == known || !rest.IsFixed || !known.IsFixed ? ValueList.Create<Dim>(result) : null;

        if (Sizes.Quotient(rest, known) is not { } left) return null;
        result[open] = left;
        return ValueList.Create<Dim>(result);
    }

    // The products of both lists without the symbols that they share, so that N·C·H·W / N needs no algebra.
    private static (Dim Left, Dim Right) Cancel(IEnumerable<Dim> left, IEnumerable<Dim> right)
    {
        var (lefts, rights) = (left.ToList(), right.ToList());
        foreach (var symbol in lefts.Where(dim => !dim.IsFixed).ToArray())
            if (rights.Remove(symbol)) lefts.Remove(symbol);
        return (lefts.Aggregate(Dim.Of(1), (product, dim) => product * dim), rights.Aggregate(Dim.Of(1), (product, dim) => product * dim));
    }
}
