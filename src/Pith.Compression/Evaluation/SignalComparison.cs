namespace Pith.Compression;

/// <summary>How far a tensor is from its reference, summed over any number of batches in double precision. Not thread-safe.</summary>
public sealed class SignalComparison
{
    private double _reference, _other, _product, _error;

    /// <summary>The number of elements compared.</summary>
    public long Count { get; private set; }

    /// <summary>The largest |reference - other|; NaN once either was NaN.</summary>
    public double MaxAbsoluteError { get; private set; }

    /// <summary>
    /// The signal-to-noise ratio in decibels: <c>10 log10(sum reference^2 / sum (reference - other)^2)</c>. Infinite when both are equal.
    /// </summary>
    public double SnrDecibels => _error == 0 ? double.PositiveInfinity : 10 * Math.Log10(_reference / _error);

    /// <summary>The cosine of the angle between both, from -1 to 1; 1 when both are zero, 0 when one is.</summary>
    public double Cosine
    {
        get
        {
            var lengths = Math.Sqrt(_reference) * Math.Sqrt(_other);
            return lengths > 0 ? _product / lengths : _reference == _other ? 1 : 0;
        }
    }

    /// <summary>Compares the next elements.</summary>
    /// <exception cref="PithException">The lengths differ.</exception>
    public void Add(ReadOnlySpan<float> reference, ReadOnlySpan<float> other)
    {
        if (reference.Length != other.Length) throw new PithException($"Tensors to compare must have the same length, got {reference.Length} and {other.Length} elements.");
        for (var i = 0; i < reference.Length; i++)
        {
            double x = reference[i], y = other[i], error = x - y;
            // Two equal infinities are no error.
            if (x == y) error = 0;
            _reference += x * x;
            _other += y * y;
            _product += x * y;
            _error += error * error;
            MaxAbsoluteError = Math.Max(MaxAbsoluteError, Math.Abs(error));
        }
        Count += reference.Length;
    }
}
