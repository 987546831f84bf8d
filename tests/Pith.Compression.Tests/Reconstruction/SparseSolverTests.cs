using Pith.Compression.Reconstruction;

namespace Pith.Compression.Tests;

public sealed class SparseSolverTests
{
    private static readonly int[] s_pairs = [0b0011, 0b0101, 0b1001, 0b0110, 0b1010, 0b1100];

    [Theory]
    [InlineData(4, 1)]
    [InlineData(8, 1)]
    [InlineData(4, 3)]
    [InlineData(8, 3)]
    public void Few_weights_get_nearly_the_best_of_all_masks(int columns, int rows)
    {
        var (found, best, exact) = (0.0, 0.0, 0);
        for (var seed = 0; seed < 20; seed++)
        {
            var (layer, _) = Problem(columns, rows, seed);
            var weights = new float[rows * columns];
            var error = SparseSolver.Solve(layer, 0, Ones(rows), Largest(layer.Targets, columns, rows), weights);
            Assert.Equal(Error(layer, 0, rows, weights), error, 1e-4 + 1e-3 * error);
            var least = Masks(columns).Min(mask => ErrorWith(layer, rows, mask));
            Assert.True(error >= least * 0.999 - 1e-6, $"seed {seed}: {error} is less than is possible, {least}");
            if (error <= least * 1.01 + 1e-6) exact++;
            (found, best) = (found + error, best + least);
        }
        Assert.True(columns > 4 || exact == 20, $"{exact} of 20 single quads are solved exactly");
        Assert.True(found <= best * 1.1, $"{found} for all problems, the best masks leave {best}");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Rows_share_one_mask_of_two_in_each_quad(int rows)
    {
        var (layer, _) = Problem(columns: 32, rows, seed: 3);
        var weights = new float[rows * 32];
        SparseSolver.Solve(layer, 0, Ones(rows), Largest(layer.Targets, 32, rows), weights);
        for (var quad = 0; quad < 32; quad += 4)
        {
            var kept = Enumerable.Range(quad, 4).Where(j => Enumerable.Range(0, rows).Any(row => weights[row * 32 + j] != 0)).ToArray();
            Assert.Equal(2, kept.Length);
            Assert.All(kept, j => Assert.All(Enumerable.Range(0, rows), row => Assert.NotEqual(0, weights[row * 32 + j])));
        }
    }

    [Fact]
    public void It_is_never_worse_than_the_largest_weights_refitted_which_are_never_worse_than_the_largest_weights()
    {
        for (var seed = 0; seed < 10; seed++)
        {
            var (layer, _) = Problem(columns: 36, rows: 2, seed);
            var largest = Largest(layer.Targets, 36, 2);
            float[] refitted = [.. largest];
            var refit = SparseSolver.Refit(layer, 0, Ones(2), refitted);
            var solved = SparseSolver.Solve(layer, 0, Ones(2), largest, new float[72]);
            Assert.All(refitted.Zip(largest), pair => Assert.True(pair.Second != 0 || pair.First == 0));
            Assert.True(refit < 0.9 * Error(layer, 0, 2, largest), $"seed {seed}");
            Assert.True(solved <= refit * 1.001, $"seed {seed}: {solved} after {refit}");
        }
    }

    [Fact]
    public void The_row_that_counts_decides_the_common_mask()
    {
        var (layer, _) = Problem(columns: 4, rows: 2, seed: 5);
        for (var row = 0; row < 2; row++)
        {
            var (both, alone) = (new float[8], new float[4]);
            SparseSolver.Solve(layer, 0, row == 0 ? [1, 1e-9] : [1e-9, 1], Largest(layer.Targets, 4, 2), both);
            SparseSolver.Solve(layer, row, [1.0], both.AsSpan(row * 4, 4), alone);
            Assert.Equal(alone.Select(w => w != 0), both[(row * 4)..(row * 4 + 4)].Select(w => w != 0));
        }
    }

    [Fact]
    public void Equal_and_missing_inputs_are_no_obstacle()
    {
        // Columns 0 and 1 are the same input, 2 is always 0.
        var (layer, _) = Problem(columns: 8, rows: 1, seed: 6, (x, _) => (x[1], x[2]) = (x[0], 0));
        var weights = new float[8];
        var error = SparseSolver.Solve(layer, 0, Ones(1), Largest(layer.Targets, 8, 1), weights);
        Assert.All(weights, weight => Assert.True(float.IsFinite(weight)));
        Assert.True(error <= 1.1 * Masks(8).Min(mask => ErrorWith(layer, 1, mask)) + 1e-4);
    }

    private static double[] Ones(int rows) => [.. Enumerable.Repeat(1.0, rows)];

    private static IEnumerable<int> Masks(int columns) => columns == 4 ? s_pairs : Masks(columns - 4).SelectMany(rest => s_pairs.Select(pair => rest << 4 | pair));

    private static float[] Largest(float[] weights, int columns, int rows)
    {
        float[] largest = [.. weights];
        for (var quad = 0; quad < columns; quad += 4)
            foreach (var j in Enumerable.Range(quad, 4).OrderBy(j => Enumerable.Range(0, rows).Sum(row => Math.Abs(weights[row * columns + j]))).Take(2))
                for (var row = 0; row < rows; row++) largest[row * columns + j] = 0;
        return largest;
    }

    /// <summary>The error with the best values for a mask, by Gaussian elimination: the part of A that it prunes, as the kept weights see it.</summary>
    private static double ErrorWith(RegularizedLayer layer, int rows, int mask)
    {
        var n = layer.Columns;
        int[] kept = [.. Enumerable.Range(0, n).Where(j => (mask >> j & 1) != 0)];
        double error = 0;
        for (var row = 0; row < rows; row++)
        {
            var target = layer.TargetOf(row).ToArray();
            // A[K, K] w = A[K, :] T
            var system = kept.Select(i => kept.Select(j => (double)layer.Row(i)[j]).Append(Enumerable.Range(0, n).Sum(j => (double)layer.Row(i)[j] * target[j])).ToArray()).ToArray();
            for (var pivot = 0; pivot < kept.Length; pivot++)
                for (var i = 0; i < kept.Length; i++)
                {
                    if (i == pivot) continue;
                    var factor = system[i][pivot] / system[pivot][pivot];
                    for (var j = pivot; j <= kept.Length; j++) system[i][j] -= factor * system[pivot][j];
                }
            var weights = new float[n];
            for (var i = 0; i < kept.Length; i++) weights[kept[i]] = (float)(system[i][^1] / system[i][i]);
            error += Error(layer, row, 1, weights);
        }
        return error;
    }

    private static double Error(RegularizedLayer layer, int first, int rows, float[] weights)
    {
        var (n, error) = (layer.Columns, 0.0);
        for (var row = 0; row < rows; row++)
        {
            var target = layer.TargetOf(first + row);
            for (var i = 0; i < n; i++)
                for (var j = 0; j < n; j++) error += (double)(weights[row * n + i] - target[i]) * layer.Row(i)[j] * (weights[row * n + j] - target[j]);
        }
        return error;
    }

    /// <summary>Inputs with a common part, so that weights can make up for each other.</summary>
    private static (RegularizedLayer Layer, float[] Weights) Problem(int columns, int rows, int seed, Action<float[], int>? change = null)
    {
        var random = new Random(seed);
        var weights = Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() * 2 - 1).ToArray();
        const int Samples = 400;
        var (inputs, results) = (new SampleMatrix(columns, Samples) { Count = Samples }, new SampleMatrix(rows, Samples) { Count = Samples });
        for (var s = 0; s < Samples; s++)
        {
            var common = random.NextSingle();
            var x = Enumerable.Range(0, columns).Select(_ => common + 0.6f * random.NextSingle()).ToArray();
            change?.Invoke(x, s);
            x.CopyTo(inputs.Row(s));
            for (var row = 0; row < rows; row++)
                for (var j = 0; j < columns; j++) results.Row(s)[row] += x[j] * weights[row * columns + j];
        }
        var moments = new LayerMoments(rows, columns);
        moments.Add(inputs, results, threads: 1);
        return (RegularizedLayer.Of(new LayerObjective(moments, hasBias: false), weights, 0.001, keepsWeights: true, threads: 1), weights);
    }
}
