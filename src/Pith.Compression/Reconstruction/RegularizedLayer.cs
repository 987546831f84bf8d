namespace Pith.Compression.Reconstruction;

/// <summary>
/// The error of a group plus a penalty <c>lambda |W - W0|^2</c> that keeps weights near the trained ones as far as few samples say little: <c>(W - T) A (W - T)^T</c> and a constant, with <c>A = H + lambda</c> and the best
/// real weights T. Integers and masks are chosen for it row by row. Immutable.
/// </summary>
internal sealed class RegularizedLayer
{
    private readonly float[] _matrix;

    private RegularizedLayer(FeedbackFactor factor, float[] matrix, float[] targets) => (Factor, _matrix, Targets) = (factor, matrix, targets);

    /// <summary>A in the form for error feedback.</summary>
    public FeedbackFactor Factor { get; }

    /// <summary>Weights of an output channel.</summary>
    public int Columns => Factor.Size;

    /// <summary>T, row-major.</summary>
    public float[] Targets { get; }

    /// <summary>T of one output channel.</summary>
    public ReadOnlySpan<float> TargetOf(int row) => Targets.AsSpan(row * Columns, Columns);

    /// <summary>A row of A.</summary>
    public ReadOnlySpan<float> Row(int index) => _matrix.AsSpan(index * Columns, Columns);

    /// <summary>Sets the problem up.</summary>
    /// <param name="objective">The error.</param>
    /// <param name="weights">W0, row-major.</param>
    /// <param name="strength">The penalty in units of the mean energy of an input, positive.</param>
    /// <param name="keepsWeights">Whether T is W0, so that only the choice of integers is left; otherwise T is the least-squares solution.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public static RegularizedLayer Of(LayerObjective objective, float[] weights, double strength, bool keepsWeights, int threads)
    {
        var n = objective.Columns;
        var penalty = Math.Max(strength * objective.MeanDiagonal, 1e-12);
        double[] matrix = [.. objective.Hessian];
        for (var i = 0; i < n; i++) matrix[i * n + i] += penalty;
        var complete = Array.ConvertAll(matrix, value => (float)value);
        var factor = FeedbackFactor.Of(matrix, n, threads);
        float[] targets = [.. weights];
        if (!keepsWeights)
            Parallel.For(0, objective.Rows, new ParallelOptions { MaxDegreeOfParallelism = threads }, row =>
            {
                // T = W0 + (B - W0 H) A^-1
                var (residual, exact) = (new float[n], new double[n]);
                for (var j = 0; j < n; j++) exact[j] = weights[row * n + j];
                for (var j = 0; j < n; j++) residual[j] = (float)(objective.Cross[row * n + j] - VectorLoops.Dot(objective.Hessian.AsSpan(j * n, n), exact));
                factor.Solve(residual);
                VectorLoops.AddScaled(targets.AsSpan(row * n, n), residual, 1);
            });
        return new RegularizedLayer(factor, complete, targets);
    }
}
