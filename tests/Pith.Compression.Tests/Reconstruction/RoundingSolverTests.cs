using Pith.Compression.Reconstruction;

namespace Pith.Compression.Tests;

public sealed class RoundingSolverTests
{
    [Fact]
    public void Few_weights_get_the_best_of_all_integers()
    {
        // Exhaustive over three integers around each weight.
        for (var seed = 0; seed < 20; seed++)
        {
            var (layer, _) = Problem(columns: 5, rows: 1, seed);
            const float Scale = 0.21f;
            var found = new float[5];
            var error = RoundingSolver.Solve(layer, 0, Scale, 127, [], found);
            var best = double.PositiveInfinity;
            for (var choice = 0; choice < 243; choice++)
            {
                var candidate = new float[5];
                for (int i = 0, rest = choice; i < 5; i++, rest /= 3) candidate[i] = (MathF.Round(layer.TargetOf(0)[i] / Scale) + rest % 3 - 1) * Scale;
                best = Math.Min(best, Error(layer, 0, candidate));
            }
            Assert.Equal(Error(layer, 0, found), error, 1e-4);
            Assert.True(error <= best * 1.25 + 1e-6, $"seed {seed}: {error}, the best is {best}");
        }
    }

    [Fact]
    public void Correlated_inputs_make_it_better_than_rounding_to_nearest()
    {
        var (layer, weights) = Problem(columns: 64, rows: 8, seed: 1);
        var (solved, nearest) = (0.0, 0.0);
        for (var row = 0; row < 8; row++)
        {
            var found = new float[64];
            solved += RoundingSolver.Solve(layer, row, 0.1f, 127, [], found);
            nearest += Error(layer, row, [.. weights[(row * 64)..((row + 1) * 64)].Select(w => MathF.Round(w / 0.1f) * 0.1f)]);
        }
        Assert.True(solved < 0.5 * nearest, $"{solved} against {nearest}");
    }

    [Fact]
    public void Weights_are_whole_steps_within_the_range_and_masked_ones_stay_zero()
    {
        var (layer, _) = Problem(columns: 32, rows: 1, seed: 2);
        bool[] kept = [.. Enumerable.Range(0, 32).Select(i => i % 4 < 2)];
        var found = new float[32];
        RoundingSolver.Solve(layer, 0, 0.05f, 7, kept, found);
        for (var i = 0; i < 32; i++)
        {
            var steps = found[i] / 0.05f;
            Assert.Equal(MathF.Round(steps), steps, 1e-3);
            Assert.True(MathF.Abs(steps) <= 7.001f);
            Assert.True(kept[i] || found[i] == 0);
        }
    }

    private static double Error(RegularizedLayer layer, int row, float[] weights)
    {
        double error = 0;
        for (var i = 0; i < weights.Length; i++)
            for (var j = 0; j < weights.Length; j++)
                error += (double)(weights[i] - layer.TargetOf(row)[i]) * layer.Row(i)[j] * (weights[j] - layer.TargetOf(row)[j]);
        return error;
    }

    /// <summary>Inputs with a common part, so that errors of different weights can make up for each other.</summary>
    private static (RegularizedLayer Layer, float[] Weights) Problem(int columns, int rows, int seed)
    {
        var random = new Random(seed);
        var weights = Enumerable.Range(0, rows * columns).Select(_ => random.NextSingle() * 2 - 1).ToArray();
        const int Samples = 400;
        var (inputs, results) = (new SampleMatrix(columns, Samples) { Count = Samples }, new SampleMatrix(rows, Samples) { Count = Samples });
        for (var s = 0; s < Samples; s++)
        {
            var common = random.NextSingle();
            foreach (ref var x in inputs.Row(s)) x = common + 0.3f * random.NextSingle();
            for (var row = 0; row < rows; row++)
                for (var j = 0; j < columns; j++) results.Row(s)[row] += inputs.Row(s)[j] * weights[row * columns + j];
        }
        var moments = new LayerMoments(rows, columns);
        moments.Add(inputs, results, threads: 1);
        return (RegularizedLayer.Of(new LayerObjective(moments, hasBias: false), weights, 0.001, keepsWeights: true, threads: 1), weights);
    }
}
