namespace Pith.Compression.Evaluation;

/// <summary>How far a tensor is from its reference, summed over any number of batches in double precision. Not thread-safe.</summary>
public sealed class SignalComparison
{
    private double _reference, _other, _product, _error;

    /// <summary>The number of elements compared.</summary>
    public long Count { get; private set; }

    /// <summary>The largest |reference - other|; NaN once only one of both was NaN.</summary>
    public double MaxAbsoluteError { get; private set; }

    /// <summary>
    /// The signal-to-noise ratio in decibels: <c>10 log10(sum reference^2 / sum (reference - other)^2)</c>. Infinite when both are equal,
    /// NaN when one has a NaN or an infinity that the other has not.
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
        Require(reference.Length, other.Length);
        for (var i = 0; i < reference.Length; i++) Add(reference[i], other[i]);
    }

    /// <summary>Compares the next elements.</summary>
    /// <exception cref="PithException">The lengths differ.</exception>
    public void Add(ReadOnlySpan<double> reference, ReadOnlySpan<double> other)
    {
        Require(reference.Length, other.Length);
        for (var i = 0; i < reference.Length; i++) Add(reference[i], other[i]);
    }

    private void Add(double x, double y)
    {
        Count++;
        // Equal infinities, and NaN on both sides, are not errors; as signal they would hide all others.
        if (!double.IsFinite(x) && x.Equals(y)) return;
        var error = x - y;
        _reference += x * x;
        _other += y * y;
        _product += x * y;
        _error += error * error;
        MaxAbsoluteError = Math.Max(MaxAbsoluteError, Math.Abs(error));
    }

    private static void Require(int reference, int other)
    {
        if (reference != other) throw new PithException($"Tensors to compare must have the same length, got {reference} and {other} elements.");
    }
}
