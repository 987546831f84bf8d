using Pith.Compression.Reconstruction;

namespace Pith.Compression.Tests;

public sealed class LinearAlgebraTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(9)]
    [InlineData(48)]
    [InlineData(131)]
    public void A_matrix_is_the_product_of_its_feedback_factors(int size)
    {
        var matrix = PositiveDefinite(size, seed: size);
        var factor = FeedbackFactor.Of([.. matrix], size, threads: 2);
        for (var i = 0; i < size; i++)
            for (var j = i; j < size; j++)
            {
                double sum = 0;
                for (var k = j; k < size; k++) sum += Upper(factor, i, k) * factor.Diagonal[k] * Upper(factor, j, k);
                Expect.That(Math.Abs(sum - matrix[i * size + j]) < 1e-4 * size, $"element ({i}, {j}) of {size}: {sum} instead of {matrix[i * size + j]}");
            }
    }

    [Fact]
    public void Solving_gives_the_row_whose_product_is_the_right_hand_side()
    {
        const int Size = 70;
        var matrix = PositiveDefinite(Size, seed: 3);
        var random = new Random(4);
        var expected = Enumerable.Range(0, Size).Select(_ => random.NextSingle() - 0.5f).ToArray();
        var row = Enumerable.Range(0, Size).Select(j => (float)Enumerable.Range(0, Size).Sum(i => expected[i] * matrix[i * Size + j])).ToArray();
        FeedbackFactor.Of([.. matrix], Size, threads: 1).Solve(row);
        for (var i = 0; i < Size; i++) Assert.Equal(expected[i], row[i], 2e-3);
    }

    [Theory]
    [InlineData(1, 1, 5)]
    [InlineData(8, 32, 64)]
    [InlineData(13, 45, 37)]
    public void Outer_products_are_those_of_plain_loops(int rows, int columns, int samples)
    {
        var (left, right) = (Random(rows, samples, seed: 1), Random(columns, samples, seed: 2));
        var sums = Enumerable.Repeat(1.0, rows * columns).ToArray();
        SampleMatrix.AddProducts(left, right, sums, threads: 2);
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < columns; j++)
                Assert.Equal(1 + Enumerable.Range(0, samples).Sum(s => (double)left.Row(s)[i] * right.Row(s)[j]), sums[i * columns + j], 1e-4);
    }

    [Fact]
    public void The_product_of_a_matrix_with_itself_is_complete_on_and_above_the_diagonal()
    {
        var matrix = Random(70, 20, seed: 5);
        var sums = new double[70 * 70];
        SampleMatrix.AddProducts(matrix, matrix, sums, threads: 1);
        for (var i = 0; i < 70; i++)
            for (var j = i; j < 70; j++)
                Assert.Equal(Enumerable.Range(0, 20).Sum(s => (double)matrix.Row(s)[i] * matrix.Row(s)[j]), sums[i * 70 + j], 1e-4);
    }

    private static double Upper(FeedbackFactor factor, int row, int column) => row == column ? 1 : factor.After(row)[column - row - 1];

    private static double[] PositiveDefinite(int size, int seed)
    {
        var random = new Random(seed);
        var root = Enumerable.Range(0, size * size).Select(_ => random.NextDouble() - 0.5).ToArray();
        var matrix = new double[size * size];
        for (var i = 0; i < size; i++)
            for (var j = 0; j < size; j++)
                matrix[i * size + j] = Enumerable.Range(0, size).Sum(k => root[i * size + k] * root[j * size + k]) + (i == j ? 0.5 : 0);
        return matrix;
    }

    private static SampleMatrix Random(int columns, int samples, int seed)
    {
        var random = new Random(seed);
        var matrix = new SampleMatrix(columns, samples) { Count = samples };
        for (var s = 0; s < samples; s++)
            foreach (ref var element in matrix.Row(s)) element = random.NextSingle() * 2 - 1;
        return matrix;
    }
}
