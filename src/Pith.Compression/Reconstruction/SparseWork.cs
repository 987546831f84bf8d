namespace Pith.Compression.Reconstruction;

/// <summary>The weights of a layer to prune: all groups of output channels that share their masks, and what the error of each channel counts.</summary>
internal sealed class SparseWork
{
    private readonly LinearLayer _layer;
    private readonly float[][] _dense;
    private readonly double[] _importance;
    private readonly int _shared, _threads;

    /// <param name="layer">The layer with its dense weights.</param>
    /// <param name="pattern">2:4 or V:2:4.</param>
    /// <param name="factors">What batch norm multiplies each output channel by; null when none follows.</param>
    /// <param name="threads">Threads; no result depends on it.</param>
    public SparseWork(LinearLayer layer, SparsityPattern pattern, IReadOnlyList<double>? factors, int threads)
    {
        (_layer, _dense, _shared, _threads) = (layer, layer.Read(), pattern.Channels, threads);
        _importance = [.. Enumerable.Range(0, layer.Groups * layer.Rows).Select(row => factors is null ? 1 : factors[row] * factors[row])];
        var constant = (Tensor<float>)layer.Weight.Constant.Constant!;
        var mask = Mask24.ByMagnitude(constant.Span, layer.Stored, pattern);
        Largest = [.. _dense.Select((weights, group) => weights.Select((weight, i) => mask[layer.IndexOf(group, i / layer.Columns, i % layer.Columns)] ? weight : 0).ToArray())];
    }

    /// <summary>The weights that are left of the dense ones by magnitude.</summary>
    public float[][] Largest { get; }

    /// <summary>The best weights with the mask by magnitude.</summary>
    public float[][] Refit(LayerObjective[] objectives, double strength) => ForEach(objectives, strength, static (problem, first, importance, _, weights) => SparseSolver.Refit(problem, first, importance, weights));

    /// <summary>Masks and weights of the solver.</summary>
    public float[][] Solve(LayerObjective[] objectives, double strength) => ForEach(objectives, strength, static (problem, first, importance, largest, weights) => SparseSolver.Solve(problem, first, importance, largest, weights));

    private delegate double Solver(RegularizedLayer problem, int first, ReadOnlySpan<double> importance, ReadOnlySpan<float> largest, Span<float> weights);

    private float[][] ForEach(LayerObjective[] objectives, double strength, Solver solve)
    {
        var (rows, columns) = (_layer.Rows, _layer.Columns);
        var weights = Array.ConvertAll(Largest, group => (float[])group.Clone());
        for (var g = 0; g < objectives.Length; g++)
        {
            var group = g;
            var problem = RegularizedLayer.Of(objectives[group], _dense[group], strength, keepsWeights: false, _threads);
            Parallel.For(0, (rows + _shared - 1) / _shared, new ParallelOptions { MaxDegreeOfParallelism = _threads }, set =>
            {
                var first = set * _shared;
                var count = Math.Min(_shared, rows - first);
                solve(problem, first, _importance.AsSpan(group * rows + first, count), Largest[group].AsSpan(first * columns, count * columns), weights[group].AsSpan(first * columns, count * columns));
            });
        }
        return weights;
    }
}
