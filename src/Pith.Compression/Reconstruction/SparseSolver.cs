namespace Pith.Compression.Reconstruction;

/// <summary>
/// Finds 2:4 sparse weights for a layer's problem: the two of every four that stay, and their values. Quads are decided from first to last with error feedback (SparseGPT, Frantar and Alistarh 2023, §3.3), each by the exact cost
/// of its six pairs; then quads are visited again, each given the best pair and values with the others as they are, until none changes. Rows that share their mask (V:2:4) are decided together.
/// </summary>
internal static class SparseSolver
{
    private const int MaxSweeps = 60;

    // Sweeps end when one lowers the error by less than this share of it.
    private const double Enough = 1e-3;

    // Another pair has to be better by more than rounding, so that the search ends.
    private const double SwitchGain = 1e-5;

    /// <summary>The six pairs of a quad, from the lowest indices on, which win ties; and what each leaves out.</summary>
    private static readonly (int First, int Second, int Third, int Fourth)[] s_pairs = [(0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 0, 2), (2, 3, 0, 1)];

    /// <summary>Chooses the mask of rows that share it, and their weights.</summary>
    /// <param name="layer">The problem; its columns are a multiple of four.</param>
    /// <param name="first">The first of the rows.</param>
    /// <param name="importance">What the error of each row counts, as many as there are rows.</param>
    /// <param name="start">Sparse weights to do better than, such as those of largest magnitude; row-major.</param>
    /// <param name="weights">Receives the weights, row-major.</param>
    /// <returns>The remaining error, <c>(W - T) A (W - T)^T</c> of each row times what it counts.</returns>
    public static double Solve(RegularizedLayer layer, int first, ReadOnlySpan<double> importance, ReadOnlySpan<float> start, Span<float> weights)
    {
        // The better of two local minima.
        var (byFeedback, byStart) = (new SparseRows(layer, first, importance), new SparseRows(layer, first, importance));
        byFeedback.Start(Feedback(layer, first, importance));
        byStart.Start(start);
        Descend(byFeedback, choosesPairs: true);
        Descend(byStart, choosesPairs: true);
        var best = byFeedback.Error <= byStart.Error ? byFeedback : byStart;
        best.Weights.CopyTo(weights);
        return best.Error;
    }

    /// <summary>The best weights with the mask that <paramref name="weights"/> have.</summary>
    /// <param name="layer">The problem.</param>
    /// <param name="first">The first of the rows.</param>
    /// <param name="importance">What the error of each row counts.</param>
    /// <param name="weights">Sparse weights; the start and the result.</param>
    /// <returns>The remaining error.</returns>
    public static double Refit(RegularizedLayer layer, int first, ReadOnlySpan<double> importance, Span<float> weights)
    {
        var rows = new SparseRows(layer, first, importance);
        rows.Start(weights);
        Descend(rows, choosesPairs: false);
        rows.Weights.CopyTo(weights);
        return rows.Error;
    }

    private static void Descend(SparseRows rows, bool choosesPairs)
    {
        var error = rows.Error;
        for (var sweep = 0; sweep < MaxSweeps; sweep++)
        {
            for (var column = 0; column < rows.Columns; column += 4)
            {
                var present = rows.PairOf(column);
                var (chosen, least) = (present, rows.ChangeBy(column, s_pairs[present]));
                for (var pair = 0; choosesPairs && pair < s_pairs.Length; pair++)
                    if (pair != present && rows.ChangeBy(column, s_pairs[pair]) is var change && change < least - SwitchGain * Math.Abs(least)) (chosen, least) = (pair, change);
                if (least < 0) rows.Take(column, chosen, s_pairs[chosen]);
            }
            var after = rows.Error;
            if (after > error * (1 - Enough)) break;
            error = after;
        }
    }

    /// <summary>The weights by one pass over the quads: what is pruned is made up for by the columns after it.</summary>
    private static float[] Feedback(RegularizedLayer layer, int first, ReadOnlySpan<double> importance)
    {
        var (n, rows) = (layer.Columns, importance.Length);
        var (wanted, weights) = (new float[rows * n], new float[rows * n]);
        layer.Targets.AsSpan(first * n, rows * n).CopyTo(wanted);
        for (var column = 0; column < n; column += 4)
        {
            var (chosen, least) = (0, double.PositiveInfinity);
            for (var pair = 0; pair < s_pairs.Length; pair++)
            {
                double cost = 0;
                for (var row = 0; row < rows; row++) cost += importance[row] * CostOf(layer, first + row, column, s_pairs[pair], wanted.AsSpan(row * n, n));
                if (cost < least) (chosen, least) = (pair, cost);
            }
            var (a, b, _, _) = s_pairs[chosen];
            for (var row = 0; row < rows; row++)
            {
                var target = layer.TargetOf(first + row);
                for (var j = column; j < column + 4; j++)
                {
                    var value = j - column == a || j - column == b ? wanted[row * n + j] : 0;
                    weights[row * n + j] = value;
                    VectorLoops.AddScaled(wanted.AsSpan(row * n + j + 1, n - j - 1), layer.Factor.After(j), target[j] - value);
                }
            }
        }
        return weights;
    }

    /// <summary>What it costs to prune the rest of a quad when all columns after it make up for it as well as they can.</summary>
    private static double CostOf(RegularizedLayer layer, int row, int column, (int First, int Second, int Third, int Fourth) pair, ReadOnlySpan<float> wanted)
    {
        var target = layer.TargetOf(row);
        Span<double> values = [wanted[column], wanted[column + 1], wanted[column + 2], wanted[column + 3]];
        double cost = 0;
        for (var j = 0; j < 4; j++)
        {
            var value = values[j];
            if (j == pair.Third || j == pair.Fourth)
            {
                cost += layer.Factor.Diagonal[column + j] * value * value;
                value = 0;
            }
            var after = layer.Factor.After(column + j);
            for (var k = j + 1; k < 4; k++) values[k] += after[k - j - 1] * (target[column + j] - value);
        }
        return cost;
    }
}
