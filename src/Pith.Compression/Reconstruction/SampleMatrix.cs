using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Pith.Compression.Reconstruction;

/// <summary>
/// Samples as rows of a matrix that is used again for each block of samples. Rows are padded with zeros to whole vectors. <see cref="AddProducts"/> sums outer products over the samples: the one expensive step
/// of collecting second moments.
/// </summary>
internal sealed class SampleMatrix
{
    private const int RowBlock = 8;
    private const int ColumnBlock = 32;

    /// <param name="columns">Elements of a sample.</param>
    /// <param name="capacity">The most samples at once.</param>
    public SampleMatrix(int columns, int capacity)
    {
        (Columns, Capacity) = (columns, capacity);
        Stride = (columns + ColumnBlock - 1) / ColumnBlock * ColumnBlock;
        Data = new float[capacity * Stride];
    }

    /// <summary>Elements of a sample.</summary>
    public int Columns { get; }

    /// <summary>The most samples at once.</summary>
    public int Capacity { get; }

    /// <summary>Elements from one row to the next.</summary>
    public int Stride { get; }

    /// <summary>The samples in use.</summary>
    public int Count { get; set; }

    /// <summary>All rows.</summary>
    public float[] Data { get; }

    /// <summary>The sample <paramref name="index"/>.</summary>
    public Span<float> Row(int index) => Data.AsSpan(index * Stride, Columns);

    /// <summary>Adds <c>sum over samples of left[s, i] * right[s, j]</c> to <c>sums[i, j]</c>.</summary>
    /// <param name="left">As many samples as <paramref name="right"/>.</param>
    /// <param name="right">The same samples, or others of the same places.</param>
    /// <param name="sums">Row-major, <c>left.Columns</c> by <c>right.Columns</c>. Of the product of a matrix with itself only blocks on and above the diagonal are computed.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public static void AddProducts(SampleMatrix left, SampleMatrix right, double[] sums, int threads)
    {
        var (rows, columns) = (left.Columns, right.Columns);
        Parallel.For(0, (rows + RowBlock - 1) / RowBlock, new ParallelOptions { MaxDegreeOfParallelism = threads }, block =>
        {
            Span<float> products = stackalloc float[RowBlock * ColumnBlock];
            var i = block * RowBlock;
            for (var j = ReferenceEquals(left, right) ? i / ColumnBlock * ColumnBlock : 0; j < columns; j += ColumnBlock)
            {
                Block(ref left.Data[i], left.Stride, ref right.Data[j], right.Stride, right.Count, products);
                for (var r = 0; r < RowBlock && i + r < rows; r++)
                    for (var c = 0; c < ColumnBlock && j + c < columns; c++) sums[(i + r) * columns + j + c] += products[r * ColumnBlock + c];
            }
        });
    }

    // Eight rows by two vectors of accumulators. Rows are padded to a multiple of 32, so eight are always there.
    private static void Block(ref float left, int leftStride, ref float right, int rightStride, int samples, Span<float> products)
    {
        Vector512<float> a0 = default, a1 = default, b0 = default, b1 = default, c0 = default, c1 = default, d0 = default, d1 = default;
        Vector512<float> e0 = default, e1 = default, f0 = default, f1 = default, g0 = default, g1 = default, h0 = default, h1 = default;
        for (var s = 0; s < samples; s++)
        {
            var x = Vector512.LoadUnsafe(ref right, (nuint)(s * rightStride));
            var y = Vector512.LoadUnsafe(ref right, (nuint)(s * rightStride + Vector512<float>.Count));
            ref var l = ref System.Runtime.CompilerServices.Unsafe.Add(ref left, s * leftStride);
            Step(ref l, 0, x, y, ref a0, ref a1);
            Step(ref l, 1, x, y, ref b0, ref b1);
            Step(ref l, 2, x, y, ref c0, ref c1);
            Step(ref l, 3, x, y, ref d0, ref d1);
            Step(ref l, 4, x, y, ref e0, ref e1);
            Step(ref l, 5, x, y, ref f0, ref f1);
            Step(ref l, 6, x, y, ref g0, ref g1);
            Step(ref l, 7, x, y, ref h0, ref h1);
        }
        Store(products, 0, a0, a1);
        Store(products, 1, b0, b1);
        Store(products, 2, c0, c1);
        Store(products, 3, d0, d1);
        Store(products, 4, e0, e1);
        Store(products, 5, f0, f1);
        Store(products, 6, g0, g1);
        Store(products, 7, h0, h1);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.AggressiveInlining)]
    private static void Step(ref float left, int row, Vector512<float> x, Vector512<float> y, ref Vector512<float> first, ref Vector512<float> second)
    {
        var factor = Vector512.Create(System.Runtime.CompilerServices.Unsafe.Add(ref left, row));
        first = Vector512.FusedMultiplyAdd(factor, x, first);
        second = Vector512.FusedMultiplyAdd(factor, y, second);
    }

    private static void Store(Span<float> products, int row, Vector512<float> first, Vector512<float> second)
    {
        first.CopyTo(products[(row * ColumnBlock)..]);
        second.CopyTo(products[(row * ColumnBlock + Vector512<float>.Count)..]);
    }
}
