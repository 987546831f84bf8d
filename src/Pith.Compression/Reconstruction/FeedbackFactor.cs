namespace Pith.Compression.Reconstruction;

/// <summary>
/// A positive definite matrix A = U D U^T with U unit upper triangular, the form in which rounding with error feedback needs it: when columns are fixed from first to last, a step of e in column j costs <c>D[j] e^2</c>
/// however the columns after j are adjusted, and the best adjustment of column k is <c>e * U[j, k]</c> (LDLQ, Chee et al. 2023, §3.1, where it is shown to be the same as OPTQ, Frantar et al. 2022). Immutable.
/// </summary>
internal sealed class FeedbackFactor
{
    private const int Block = 48;

    private FeedbackFactor(int size, float[] upper, float[] diagonal) => (Size, _upper, Diagonal) = (size, upper, diagonal);

    private readonly float[] _upper;

    /// <summary>Rows and columns.</summary>
    public int Size { get; }

    /// <summary>D, positive.</summary>
    public float[] Diagonal { get; }

    /// <summary>Row <paramref name="row"/> of U after the diagonal: columns <c>row + 1</c> to the end.</summary>
    public ReadOnlySpan<float> After(int row) => _upper.AsSpan(row * Size + row + 1, Size - row - 1);

    /// <summary>Factorizes a symmetric matrix.</summary>
    /// <param name="matrix">Row-major, complete, positive definite apart from rounding; overwritten.</param>
    /// <param name="size">Rows and columns.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public static FeedbackFactor Of(double[] matrix, int size, int threads)
    {
        double floor = 0;
        for (var i = 0; i < size; i++) floor = Math.Max(floor, matrix[i * size + i]);
        floor = Math.Max(floor * 1e-10, double.Epsilon * 1e20);
        var diagonal = new double[size];
        // Blocks of columns from the last to the first: factorize the block on the diagonal, solve the rows above it, take their products from what lies above and to the left.
        for (var end = size; end > 0; end -= Block)
        {
            var start = Math.Max(0, end - Block);
            FactorizeDiagonal(matrix, size, start, end, diagonal, floor);
            var (first, last) = (start, end);
            Parallel.For(0, start, new ParallelOptions { MaxDegreeOfParallelism = threads }, i => SolveRow(matrix, size, i, first, last, diagonal));
            Parallel.For(0, (start + 15) / 16, new ParallelOptions { MaxDegreeOfParallelism = threads }, group => Subtract(matrix, size, group * 16, Math.Min(start, group * 16 + 16), first, last, diagonal));
        }
        return new FeedbackFactor(size, Array.ConvertAll(matrix, value => (float)value), Array.ConvertAll(diagonal, value => (float)value));
    }

    /// <summary>Solves <c>x A = r</c> for one row; <paramref name="row"/> is r before and x after.</summary>
    public void Solve(Span<float> row)
    {
        for (var j = Size - 1; j >= 0; j--) row[j] -= VectorLoops.Dot(row[(j + 1)..], After(j));
        for (var j = 0; j < Size; j++) row[j] /= Diagonal[j];
        for (var j = 0; j < Size; j++) VectorLoops.AddScaled(row[(j + 1)..], After(j), -row[j]);
    }

    private static void FactorizeDiagonal(double[] matrix, int size, int start, int end, double[] diagonal, double floor)
    {
        for (var j = end - 1; j >= start; j--)
        {
            var d = diagonal[j] = Math.Max(matrix[j * size + j], floor);
            for (var i = start; i < j; i++)
            {
                var u = matrix[i * size + j] / d;
                for (var k = start; k <= i; k++) matrix[k * size + i] -= matrix[k * size + j] * u;
            }
            for (var i = start; i < j; i++) matrix[i * size + j] /= d;
        }
    }

    // Row i of the panel: p[j] = (a[i, j] - sum over k > j of p[k] d[k] U[j, k]) / d[j].
    private static void SolveRow(double[] matrix, int size, int i, int start, int end, double[] diagonal)
    {
        for (var j = end - 1; j >= start; j--)
        {
            var sum = matrix[i * size + j];
            for (var k = j + 1; k < end; k++) sum -= matrix[i * size + k] * diagonal[k] * matrix[j * size + k];
            matrix[i * size + j] = sum / diagonal[j];
        }
    }

    // Rows from..to of what lies above and to the left of the block, on and above the diagonal.
    private static void Subtract(double[] matrix, int size, int from, int to, int start, int end, double[] diagonal)
    {
        Span<double> scaled = stackalloc double[Block];
        var width = end - start;
        for (var i = from; i < to; i++)
        {
            for (var k = 0; k < width; k++) scaled[k] = matrix[i * size + start + k] * diagonal[start + k];
            for (var j = i; j < start; j++) matrix[i * size + j] -= VectorLoops.Dot(scaled[..width], matrix.AsSpan(j * size + start, width));
        }
    }
}
