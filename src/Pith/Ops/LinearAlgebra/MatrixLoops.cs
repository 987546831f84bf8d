using System.Numerics;

namespace Pith.Ops;

/// <summary>The plain matrix product, over element types in which the reference sums: double for floats, 32 or 64-bit integers for integers.</summary>
internal static class MatrixLoops
{
    /// <summary>y[m,n] = the sum over k, in order, of a[m,k] * b[k,n]; all row-major.</summary>
    public static void Multiply<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y, int rows, int depth, int columns) where T : struct, INumber<T>
    {
        y.Clear();
        for (var m = 0; m < rows; m++)
        {
            var row = y.Slice(m * columns, columns);
            for (var k = 0; k < depth; k++)
            {
                var factor = a[m * depth + k];
                var other = b.Slice(k * columns, columns);
                for (var n = 0; n < row.Length; n++) row[n] += factor * other[n];
            }
        }
    }

    /// <summary>The transpose of a row-major matrix of <paramref name="rows"/> by <paramref name="columns"/>.</summary>
    public static T[] Transpose<T>(ReadOnlySpan<T> matrix, int rows, int columns)
    {
        var transposed = new T[matrix.Length];
        for (var r = 0; r < rows; r++)
        for (var c = 0; c < columns; c++) transposed[c * rows + r] = matrix[r * columns + c];
        return transposed;
    }
}
