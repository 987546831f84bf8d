namespace Pith.Ops;

/// <summary>ONNX Transpose: axis i of the result is axis <c>Permutation[i]</c> of the operand.</summary>
/// <param name="Permutation">Each axis once; empty: all axes in reverse order.</param>
public sealed record Transpose(ValueList<int> Permutation = default) : Op
{
    /// <summary>The op's signature.</summary>
    public static OpSchema Definition { get; } = new("Transpose", reader => new Transpose(reader.Ints("perm") ?? []));

    /// <inheritdoc/>
    public override OpSchema Schema => Definition;

    /// <summary>The permutation for an operand of rank <paramref name="rank"/>.</summary>
    public ValueList<int> PermutationOf(int rank) => Permutation.Count > 0 ? Permutation : Enumerable.Range(0, rank).Reverse().ToValueList();

    /// <inheritdoc/>
    public override ValueList<TensorType> Infer(InferContext context)
    {
        var x = context.Type(0);
        var permutation = PermutationOf(x.Rank);
        if (!permutation.Order().SequenceEqual(Enumerable.Range(0, x.Rank))) throw context.Error($"the permutation {permutation} does not name each of the {x.Rank} axes once");
        if (x.Rank == 1 && context.KnownShapeValue(0) is { } content) context.SetShapeValue(0, content);
        return [x.With(permutation.Select(axis => x[axis]).ToValueList())];
    }

    /// <inheritdoc/>
    public override Tensor[] Evaluate(IReadOnlyList<Tensor?> inputs, int outputCount)
    {
        var x = inputs[0]!;
        var strides = x.Shape.Strides();
        return [IndexedCopy.Read(x, [.. PermutationOf(x.Shape.Rank).Select(axis => IndexedCopy.Table(x.Shape[axis], strides[axis]))])];
    }

    /// <inheritdoc/>
    public override Value?[] Gradient(GradientContext context)
    {
        var permutation = PermutationOf(context.Output.Type.Rank).ToArray();
        var inverse = Enumerable.Range(0, permutation.Length).Select(axis => Array.IndexOf(permutation, axis)).ToValueList();
        return [context.Emit(new Transpose(inverse), context.OutputGradient)];
    }

    /// <inheritdoc/>
    public override void Write(OpWriter writer)
    {
        if (Permutation.Count > 0) writer.Ints("perm", Permutation);
    }
}
