using System.Numerics;

namespace Pith.Ops;

/// <summary>
/// The shapes of NumPy's <c>matmul</c>: the last two axes are matrices, the others broadcast; a vector on the left is a row, on the right a column, and that axis is
/// dropped from the result.
/// </summary>
internal sealed record MatMulShape(int Rows, int Depth, int Columns, Shape Output, (int A, int B, int Y)[] Matrices)
{
    /// <summary>The dimensions of the product of operands <paramref name="a"/> and <paramref name="b"/>.</summary>
    public static ValueList<Dim> Infer(InferContext context, int a, int b)
    {
        var (left, right) = (context.Type(a).Dims, context.Type(b).Dims);
        if (left.Count == 0 || right.Count == 0) throw context.Error("a scalar is not a matrix");
        if (!Sizes.MayBeEqual(left[^1], right[right.Count == 1 ? 0 : right.Count - 2])) throw context.Error("the inner sizes differ");
        var batch = Broadcasting.Combine(Batch(left), Batch(right)) ?? throw context.Error("the batch axes cannot be broadcast together");
        return [.. batch, .. left.Count > 1 ? [left[^2]] : Array.Empty<Dim>(), .. right.Count > 1 ? [right[^1]] : Array.Empty<Dim>()];
    }

    /// <summary>The sizes of existing operands' product, and where each pair of matrices starts.</summary>
    public static MatMulShape Of(Shape a, Shape b)
    {
        var (rows, depth, columns) = (a.Rank == 1 ? 1 : a[-2], a[-1], b.Rank == 1 ? 1 : b[-1]);
        var (aBatch, bBatch) = (BatchOf(a), BatchOf(b));
        var batch = Broadcasting.Combine(aBatch, bBatch);
        var (aStrides, bStrides) = (Broadcasting.Strides(aBatch, batch), Broadcasting.Strides(bBatch, batch));
        var matrices = new (int A, int B, int Y)[batch.Length];
        for (var matrix = 0; matrix < matrices.Length; matrix++)
        {
            var (rest, aIndex, bIndex) = (matrix, 0, 0);
            for (var axis = batch.Rank - 1; axis >= 0; axis--)
            {
                (rest, var index) = Math.DivRem(rest, batch[axis]);
                aIndex += index * aStrides[axis];
                bIndex += index * bStrides[axis];
            }
            matrices[matrix] = (aIndex * rows * depth, bIndex * depth * columns, matrix * rows * columns);
        }
        var output = new Shape([.. batch.Dims, .. a.Rank > 1 ? [rows] : Array.Empty<int>(), .. b.Rank > 1 ? [columns] : Array.Empty<int>()]);
        return new(rows, depth, columns, output, matrices);
    }

    /// <summary>The product of every pair of matrices.</summary>
    public T[] Multiply<T>(T[] a, T[] b) where T : struct, INumber<T>
    {
        var y = new T[Output.Length];
        foreach (var (aStart, bStart, yStart) in Matrices)
            MatrixLoops.Multiply(a.AsSpan(aStart, Rows * Depth), b.AsSpan(bStart, Depth * Columns), y.AsSpan(yStart, Rows * Columns), Rows, Depth, Columns);
        return y;
    }

    private static ValueList<Dim> Batch(ValueList<Dim> dims) => dims.Take(Math.Max(0, dims.Count - 2)).ToValueList();

    private static Shape BatchOf(Shape shape) => new(shape.Dims.Take(Math.Max(0, shape.Rank - 2)).ToArray());
}
