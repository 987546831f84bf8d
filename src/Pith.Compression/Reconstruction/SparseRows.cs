namespace Pith.Compression.Reconstruction;

/// <summary>Rows of 2:4 sparse weights with one mask while a solver improves them: weights, and the gradient of the error, <c>A (w - T)</c>, which follows every change. Mutable, one thread.</summary>
internal sealed class SparseRows
{
    private readonly RegularizedLayer _layer;
    private readonly int _first;
    private readonly double[] _importance;
    private readonly float[] _gradient;
    private readonly byte[] _pairs;

    /// <param name="layer">The problem.</param>
    /// <param name="first">The first of the rows.</param>
    /// <param name="importance">What the error of each row counts.</param>
    public SparseRows(RegularizedLayer layer, int first, ReadOnlySpan<double> importance)
    {
        (_layer, _first, _importance) = (layer, first, importance.ToArray());
        (Weights, _gradient, _pairs) = (new float[importance.Length * Columns], new float[importance.Length * Columns], new byte[Columns / 4]);
    }

    /// <summary>Weights of a row.</summary>
    public int Columns => _layer.Columns;

    /// <summary>The weights, row-major.</summary>
    public float[] Weights { get; }

    /// <summary>The error: <c>(W - T) A (W - T)^T</c> of each row times what it counts.</summary>
    public double Error
    {
        get
        {
            double error = 0;
            for (var row = 0; row < _importance.Length; row++)
            {
                var target = _layer.TargetOf(_first + row);
                double sum = 0;
                for (var j = 0; j < Columns; j++) sum += ((double)Weights[row * Columns + j] - target[j]) * _gradient[row * Columns + j];
                error += _importance[row] * sum;
            }
            return error;
        }
    }

    /// <summary>Begins with these weights and the mask of their non-zeros; a quad with fewer than two keeps its first zeros as well.</summary>
    public void Start(ReadOnlySpan<float> weights)
    {
        weights.CopyTo(Weights);
        for (var column = 0; column < Columns; column += 4) _pairs[column / 4] = (byte)MaskOf(column);
        Array.Clear(_gradient);
        for (var row = 0; row < _importance.Length; row++)
        {
            var target = _layer.TargetOf(_first + row);
            for (var j = 0; j < Columns; j++) VectorLoops.AddScaled(_gradient.AsSpan(row * Columns, Columns), _layer.Row(j), Weights[row * Columns + j] - target[j]);
        }
    }

    /// <summary>The number of the pair that the quad from <paramref name="column"/> on keeps, pairs counted from the lowest indices on.</summary>
    public int PairOf(int column) => _pairs[column / 4];

    /// <summary>The change of the error when a quad keeps another pair, with the best values of the two while all other columns stay; the present pair may get better values as well.</summary>
    public double ChangeBy(int column, (int First, int Second, int Third, int Fourth) pair)
    {
        double change = 0;
        for (var row = 0; row < _importance.Length; row++)
        {
            var (first, second) = Best(row, column, pair);
            change += _importance[row] * ErrorChange(row, column, pair, first, second);
        }
        return change;
    }

    /// <summary>Lets a quad keep a pair, with the best values.</summary>
    public void Take(int column, int number, (int First, int Second, int Third, int Fourth) pair)
    {
        _pairs[column / 4] = (byte)number;
        for (var row = 0; row < _importance.Length; row++)
        {
            var (first, second) = Best(row, column, pair);
            Set(row, column + pair.First, Weights[row * Columns + column + pair.First] + (float)first);
            Set(row, column + pair.Second, Weights[row * Columns + column + pair.Second] + (float)second);
            Set(row, column + pair.Third, 0);
            Set(row, column + pair.Fourth, 0);
        }
    }

    private void Set(int row, int column, float value)
    {
        var step = value - Weights[row * Columns + column];
        if (step == 0) return;
        Weights[row * Columns + column] = value;
        VectorLoops.AddScaled(_gradient.AsSpan(row * Columns, Columns), _layer.Row(column), step);
    }

    /// <summary>The steps of the two kept weights that are best when the two others become 0: <c>A[K, K] d[K] = -(g[K] + A[K, P] d[P])</c>.</summary>
    private (double First, double Second) Best(int row, int column, (int First, int Second, int Third, int Fourth) pair)
    {
        var weights = Weights.AsSpan(row * Columns + column, 4);
        var gradient = _gradient.AsSpan(row * Columns + column, 4);
        var a = _layer.Row(column + pair.First).Slice(column, 4);
        var b = _layer.Row(column + pair.Second).Slice(column, 4);
        double third = -weights[pair.Third], fourth = -weights[pair.Fourth];
        var right = gradient[pair.First] + a[pair.Third] * third + a[pair.Fourth] * fourth;
        var left = gradient[pair.Second] + b[pair.Third] * third + b[pair.Fourth] * fourth;
        double p = a[pair.First], q = b[pair.Second], r = a[pair.Second];
        var determinant = p * q - r * r;
        // Inputs that are always alike: the first of them is enough.
        return determinant > 1e-6 * p * q ? ((-right * q + left * r) / determinant, (-left * p + right * r) / determinant) : (-(right - r * weights[pair.Second]) / p, -weights[pair.Second]);
    }

    // 2 d g + d A d of the quad.
    private double ErrorChange(int row, int column, (int First, int Second, int Third, int Fourth) pair, double first, double second)
    {
        var weights = Weights.AsSpan(row * Columns + column, 4);
        var gradient = _gradient.AsSpan(row * Columns + column, 4);
        Span<double> steps = stackalloc double[4];
        (steps[pair.First], steps[pair.Second], steps[pair.Third], steps[pair.Fourth]) = (first, second, -weights[pair.Third], -weights[pair.Fourth]);
        double change = 0;
        for (var i = 0; i < 4; i++)
        {
            var matrix = _layer.Row(column + i).Slice(column, 4);
            change += steps[i] * (2 * gradient[i] + matrix[0] * steps[0] + matrix[1] * steps[1] + matrix[2] * steps[2] + matrix[3] * steps[3]);
        }
        return change;
    }

    /// <summary>The pair that covers the non-zeros of all rows.</summary>
    private int MaskOf(int column)
    {
        Span<int> kept = stackalloc int[2];
        var count = 0;
        foreach (var wantsZero in (ReadOnlySpan<bool>)[false, true])
            for (var j = 0; j < 4 && count < 2; j++)
                if (IsZero(column + j) == wantsZero) kept[count++] = j;
        var (low, high) = (Math.Min(kept[0], kept[1]), Math.Max(kept[0], kept[1]));
        return low == 0 ? high - 1 : low == 1 ? high + 1 : 5;
    }

    private bool IsZero(int column)
    {
        for (var row = 0; row < _importance.Length; row++)
            if (Weights[row * Columns + column] != 0) return false;
        return true;
    }
}
