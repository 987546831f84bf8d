namespace Pith.Compression.Reconstruction;

/// <summary>
/// The mean squared error of one convolution group as a function of its weights, with the best bias for each choice of them (or none, for layers without): <c>W H W^T - 2 W B^T + E[y^2]</c>, where H and B are covariances
/// (second moments without a bias). Immutable.
/// </summary>
internal sealed class LayerObjective
{
    private readonly double[] _inputMeans, _resultMeans;

    /// <param name="moments">The sums.</param>
    /// <param name="hasBias">Whether the layer has a bias to choose.</param>
    public LayerObjective(LayerMoments moments, bool hasBias)
    {
        (Rows, Columns, HasBias) = (moments.Rows, moments.Columns, hasBias);
        double n = moments.Count;
        _inputMeans = Array.ConvertAll(moments.InputSums, sum => hasBias ? sum / n : 0);
        _resultMeans = Array.ConvertAll(moments.ResultSums, sum => hasBias ? sum / n : 0);
        Hessian = new double[Columns * Columns];
        for (var i = 0; i < Columns; i++)
            for (var j = i; j < Columns; j++)
                Hessian[i * Columns + j] = Hessian[j * Columns + i] = moments.InputProducts[i * Columns + j] / n - _inputMeans[i] * _inputMeans[j];
        Cross = new double[Rows * Columns];
        for (var k = 0; k < Rows; k++)
            for (var j = 0; j < Columns; j++) Cross[k * Columns + j] = moments.CrossProducts[k * Columns + j] / n - _resultMeans[k] * _inputMeans[j];
        Energies = [.. moments.ResultSquares.Select((sum, k) => Math.Max(0, sum / n - _resultMeans[k] * _resultMeans[k]))];
        for (var i = 0; i < Columns; i++) MeanDiagonal += Hessian[i * Columns + i] / Columns;
    }

    /// <summary>Output channels of the group.</summary>
    public int Rows { get; }

    /// <summary>Weights of an output channel.</summary>
    public int Columns { get; }

    /// <summary>Whether the layer has a bias to choose.</summary>
    public bool HasBias { get; }

    /// <summary>H, complete.</summary>
    public double[] Hessian { get; }

    /// <summary>B, a row for each output channel.</summary>
    public double[] Cross { get; }

    /// <summary>The energy of each output channel around its mean.</summary>
    public double[] Energies { get; }

    /// <summary>The mean of H's diagonal: the energy of an input.</summary>
    public double MeanDiagonal { get; }

    /// <summary>The mean squared error of output channel <paramref name="row"/> with these weights and the best bias.</summary>
    public double ErrorOf(int row, ReadOnlySpan<float> weights)
    {
        var error = Energies[row];
        var exact = new double[Columns];
        for (var j = 0; j < Columns; j++) exact[j] = weights[j];
        for (var i = 0; i < Columns; i++)
            if (exact[i] != 0) error += exact[i] * (VectorLoops.Dot(Hessian.AsSpan(i * Columns, Columns), exact) - 2 * Cross[row * Columns + i]);
        return Math.Max(0, error);
    }

    /// <summary>The mean squared error with a bias that was chosen elsewhere.</summary>
    public double ErrorOf(int row, ReadOnlySpan<float> weights, double bias)
    {
        var error = ErrorOf(row, weights);
        if (!HasBias) return error;
        var offset = BiasOf(row, weights) - bias;
        return error + offset * offset;
    }

    /// <summary>The bias with which the mean of output channel <paramref name="row"/> is right.</summary>
    public double BiasOf(int row, ReadOnlySpan<float> weights)
    {
        var mean = _resultMeans[row];
        for (var j = 0; j < Columns; j++) mean -= _inputMeans[j] * weights[j];
        return mean;
    }
}
