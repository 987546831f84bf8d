namespace Pith.Compression.Quantization;

/// <summary>
/// A part of the quantization noise that a unit's factors decide: its energy at the network's outputs, as a share of their energy, so that terms add up. Every rounding is taken as uniform and independent noise.
/// </summary>
internal abstract class NoiseTerm
{
    // Uniform noise of a step has a twelfth of its square.
    protected const double Uniform = 1.0 / 12;

    /// <summary>The noise with the present factors.</summary>
    public abstract double Value { get; }

    /// <summary>The noise with another factor of one channel.</summary>
    public abstract double With(int channel, double factor);

    /// <summary>Changes the factor of one channel.</summary>
    public abstract void Set(int channel, double factor);

    /// <summary>Chooses what else the term is free to choose, for the present factors.</summary>
    public virtual void Settle() { }

    /// <summary>log2 of the factor that this term alone would give a channel, up to a constant for all channels; NaN when it does not mind.</summary>
    public abstract double Ideal(int channel);
}

/// <summary>
/// Rounding and clipping of the values that share a scale. A channel that is multiplied by a and shares the range A has, seen in its own units, the range A / a. The best range for all is chosen with the factors.
/// </summary>
internal sealed class ActivationNoise : NoiseTerm
{
    // Quarters of an octave below the largest value that are tried.
    private const int Steps = 48;

    // Prefix sums over the bins of a channel's profile, weighted: of counts, centres and squared centres.
    private readonly double[][] _count, _first, _second;
    private readonly double[] _factors, _noise, _ideal, _largest;
    private readonly int[] _position;
    private readonly int _levels;
    private double _range, _value;

    /// <param name="weighted">For each channel, and for each index that has no channel and keeps factor 1, its weighted histogram over the bins of <see cref="ChannelProfile"/>; channel -1 for the latter.</param>
    /// <param name="channels">The number of channels of the unit.</param>
    /// <param name="levels">Steps between 0 and the end of the range.</param>
    public ActivationNoise(IReadOnlyList<(int Channel, double[] Histogram)> weighted, int channels, int levels)
    {
        _levels = levels;
        (_count, _first, _second) = (new double[weighted.Count][], new double[weighted.Count][], new double[weighted.Count][]);
        _position = Enumerable.Repeat(-1, channels).ToArray();
        for (var i = 0; i < weighted.Count; i++)
        {
            var (channel, histogram) = weighted[i];
            if (channel >= 0) _position[channel] = i;
            (_count[i], _first[i], _second[i]) = (Sums(histogram, 0), Sums(histogram, 1), Sums(histogram, 2));
        }
        _factors = Enumerable.Repeat(1.0, weighted.Count).ToArray();
        _noise = new double[weighted.Count];
        _largest = [.. weighted.Select(channel => Array.FindLastIndex(channel.Histogram, count => count > 0) is > 0 and var bin ? ChannelProfile.Centre(bin) : 0)];
        _ideal = [.. Enumerable.Range(0, weighted.Count).Select(BestRange)];
        Settle();
    }

    /// <inheritdoc/>
    public override double Value => _value;

    /// <inheritdoc/>
    public override double With(int channel, double factor) => _position[channel] is >= 0 and var at ? _value - _noise[at] + Noise(at, _range / factor) : _value;

    /// <inheritdoc/>
    public override void Set(int channel, double factor)
    {
        if (_position[channel] is not (>= 0 and var at)) return;
        _factors[at] = factor;
        _noise[at] = Noise(at, _range / factor);
        _value = _noise.Sum();
    }

    /// <inheritdoc/>
    public override void Settle()
    {
        // From the largest value down: what is clipped grows fast once the range is too small.
        double top = 1e-30;
        for (var i = 0; i < _factors.Length; i++) top = Math.Max(top, _largest[i] * _factors[i]);
        var (best, bestNoise) = (top, double.PositiveInfinity);
        for (var step = 0; step < Steps; step++) if (!Try(top * double.Exp2(-step / 4.0))) break;
        for (var step = -3; step <= 3; step++) Try(best * double.Exp2(step / 16.0));
        _range = best;
        for (var i = 0; i < _factors.Length; i++) _noise[i] = Noise(i, best / _factors[i]);
        _value = _noise.Sum();

        bool Try(double range)
        {
            double noise = 0;
            for (var i = 0; i < _factors.Length; i++) noise += Noise(i, range / _factors[i]);
            if (noise < bestNoise) (best, bestNoise) = (range, noise);
            return noise < 4 * bestNoise;
        }
    }

    /// <inheritdoc/>
    public override double Ideal(int channel) => _position[channel] is >= 0 and var at && _ideal[at] > 0 ? Math.Log2(_range / _ideal[at]) : double.NaN;

    private static double[] Sums(double[] histogram, int power)
    {
        var sums = new double[histogram.Length + 1];
        for (var bin = 0; bin < histogram.Length; bin++) sums[bin + 1] = sums[bin] + histogram[bin] * Math.Pow(ChannelProfile.Centre(bin), power);
        return sums;
    }

    /// <summary>The range with which a channel alone has the least noise; 0 for one without values.</summary>
    private double BestRange(int at)
    {
        var (best, bestNoise) = (0.0, double.PositiveInfinity);
        for (var step = 0; step < 4 * Steps && _largest[at] > 0; step++)
            if (_largest[at] * double.Exp2(-step / 16.0) is var range && Noise(at, range) is var noise && noise < bestNoise) (best, bestNoise) = (range, noise);
        return best;
    }

    private double Noise(int at, double range)
    {
        var (count, first, second) = (_count[at], _first[at], _second[at]);
        var step = range / _levels;
        // Below half a step values become 0; beyond the range they become its end.
        var low = ChannelProfile.FirstNotBelow(step / 2);
        var high = Math.Max(low, ChannelProfile.FirstNotBelow(range));
        var clipped = second[^1] - second[high] - 2 * range * (first[^1] - first[high]) + range * range * (count[^1] - count[high]);
        return second[low] + (count[high] - count[low]) * step * step * Uniform + clipped;
    }
}

/// <summary>
/// Rounding of a layer's weights, whose scale is that of the largest of each row. Row r of the weight has largest |w| L[c, r] in channel c, which is divided by the channel's factor a (power 1: the layer reads the channels, whose
/// energy grows with a^2 as its weights shrink) or multiplied by it (-1: the layer makes the channels, and its noise is divided by a^2).
/// </summary>
internal sealed class WeightNoise : NoiseTerm
{
    private readonly Dictionary<int, int> _position;
    private readonly float[][] _largest;
    private readonly double[] _energies, _factors, _ideal;
    private readonly double[] _first, _second;
    private readonly int[] _owner;
    private readonly double _scale;
    private readonly int _power;
    private double _energy, _steps;

    /// <param name="columns">For each channel, and one for all that keeps factor 1 (channel -1), the largest |w| of each row.</param>
    /// <param name="energies">The energy that meets the weights of the channel.</param>
    /// <param name="scale">What the noise of a step of 1 and an energy of 1 counts.</param>
    /// <param name="levels">The largest quantized weight.</param>
    /// <param name="power">1 for a layer that reads the channels, -1 for one that makes them.</param>
    public WeightNoise(IReadOnlyList<(int Channel, float[] Largest)> columns, double[] energies, double scale, int levels, int power)
    {
        _position = columns.Select((column, i) => (column.Channel, i)).Where(column => column.Channel >= 0).ToDictionary(column => column.Channel, column => column.i);
        _largest = [.. columns.Select(column => column.Largest)];
        (_energies, _power) = (energies, power);
        _scale = scale * Uniform / ((double)levels * levels);
        _factors = Enumerable.Repeat(1.0, columns.Count).ToArray();
        _ideal = [.. _largest.Select(column => Math.Log2(column.Max()))];
        var rows = _largest[0].Length;
        (_first, _second, _owner) = (new double[rows], new double[rows], new int[rows]);
        _energy = _energies.Sum();
        for (var row = 0; row < rows; row++) Rank(row);
        Sum();
    }

    /// <inheritdoc/>
    public override double Value => _steps * _energy * _scale;

    /// <inheritdoc/>
    public override double With(int channel, double factor)
    {
        if (!_position.TryGetValue(channel, out var at)) return Value;
        var a = Effective(factor);
        var energy = _energy + _energies[at] * (a * a - _factors[at] * _factors[at]);
        var largest = _largest[at];
        double steps = 0;
        for (var row = 0; row < largest.Length; row++)
        {
            var step = Math.Max(_owner[row] == at ? _second[row] : _first[row], largest[row] / a);
            steps += step * step;
        }
        return steps * energy * _scale;
    }

    /// <inheritdoc/>
    public override void Set(int channel, double factor)
    {
        if (!_position.TryGetValue(channel, out var at)) return;
        var (before, a) = (_factors[at], Effective(factor));
        _factors[at] = a;
        _energy = 0;
        for (var i = 0; i < _energies.Length; i++) _energy += _energies[i] * _factors[i] * _factors[i];
        for (var row = 0; row < _first.Length; row++)
        {
            var (old, now) = (_largest[at][row] / before, _largest[at][row] / a);
            if (_owner[row] != at && old < _second[row] && now < _second[row]) continue;
            Rank(row);
        }
        Sum();
    }

    /// <inheritdoc/>
    public override double Ideal(int channel) => _position.TryGetValue(channel, out var at) && double.IsFinite(_ideal[at]) ? _power * _ideal[at] : double.NaN;

    private double Effective(double factor) => _power > 0 ? factor : 1 / factor;

    // The largest of a row and the next one.
    private void Rank(int row)
    {
        var (first, second, owner) = (0.0, 0.0, -1);
        for (var i = 0; i < _largest.Length; i++)
        {
            var value = _largest[i][row] / _factors[i];
            if (value > first) (first, second, owner) = (value, first, i);
            else if (value > second) second = value;
        }
        (_first[row], _second[row], _owner[row]) = (first, second, owner);
    }

    private void Sum()
    {
        _steps = 0;
        foreach (var step in _first) _steps += step * step;
    }
}
