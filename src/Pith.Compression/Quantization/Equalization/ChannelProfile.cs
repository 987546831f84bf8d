namespace Pith.Compression.Quantization;

/// <summary>
/// The distribution of |x| of each index along an axis of a value, in bins that are an eighth of an octave wide from 2^-24 to 2^24; below, x counts as 0. Counts and extremes depend on the multiset of values only.
/// One instance belongs to one thread at a time.
/// </summary>
internal sealed class ChannelProfile
{
    /// <summary>The number of bins; the first one holds zeros.</summary>
    public const int Bins = Octaves * BinsPerOctave + 1;

    private const int Octaves = 48, BinsPerOctave = 8, Smallest = -24;

    // The upper bits of a float: its exponent and as many bits of the significand as tell the bins of an octave apart.
    private const int Shift = 20, Start = (127 + Smallest) * BinsPerOctave;

    private static readonly double[] s_centres = [.. Enumerable.Range(0, Bins).Select(bin => bin == 0 ? 0 : Math.ScaleB(1 + ((bin - 1) % BinsPerOctave + 0.5) / BinsPerOctave, Smallest + (bin - 1) / BinsPerOctave))];

    private readonly int[] _counts;

    public ChannelProfile(int axis, int indices)
    {
        (Axis, Indices) = (axis, indices);
        (_counts, Min, Max) = (new int[indices * Bins], new float[indices], new float[indices]);
    }

    /// <summary>The axis of the value.</summary>
    public int Axis { get; }

    /// <summary>Its size.</summary>
    public int Indices { get; }

    /// <summary>Values seen of each index.</summary>
    public long Count { get; private set; }

    /// <summary>The smallest value of each index, or 0.</summary>
    public float[] Min { get; }

    /// <summary>The largest value of each index, or 0.</summary>
    public float[] Max { get; }

    /// <summary>How many values of an index lie in each bin.</summary>
    public ReadOnlySpan<int> Counts(int index) => _counts.AsSpan(index * Bins, Bins);

    /// <summary>The centre of a bin; 0 of the first.</summary>
    public static double Centre(int bin) => s_centres[bin];

    /// <summary>The first bin whose centre is not below <paramref name="x"/>.</summary>
    public static int FirstNotBelow(double x)
    {
        var bin = Math.Clamp(BinOf((float)x), 0, Bins - 1);
        return Centre(bin) < x ? bin + 1 : bin;
    }

    /// <summary>The mean of x^2 of an index.</summary>
    public double Energy(int index) => Mean(index, x => x * x);

    /// <summary>The square of the mean of an index that has no negative values; 0 for others, whose values of both signs leave little of it.</summary>
    public double EnergyOfMean(int index) => Min[index] < 0 ? 0 : Math.Pow(Mean(index, x => x), 2);

    private double Mean(int index, Func<double, double> of)
    {
        double sum = 0;
        var counts = Counts(index);
        for (var bin = 1; bin < Bins; bin++)
            if (counts[bin] > 0) sum += counts[bin] * of(Centre(bin));
        return Count == 0 ? 0 : sum / Count;
    }

    /// <summary>Counts a tensor.</summary>
    public void Add(Tensor<float> tensor)
    {
        var (outer, inner) = (tensor.Shape.LengthOf(0, Axis), tensor.Shape.LengthOf(Axis + 1, tensor.Shape.Rank));
        Count += (long)outer * inner;
        for (var o = 0; o < outer; o++)
            for (var i = 0; i < Indices; i++) Add(tensor.Span.Slice((o * Indices + i) * inner, inner), i);
    }

    /// <summary>Adds what <paramref name="other"/> has counted of the same value.</summary>
    public void Merge(ChannelProfile other)
    {
        for (var i = 0; i < _counts.Length; i++) _counts[i] += other._counts[i];
        for (var i = 0; i < Indices; i++) (Min[i], Max[i]) = (Math.Min(Min[i], other.Min[i]), Math.Max(Max[i], other.Max[i]));
        Count += other.Count;
    }

    private void Add(ReadOnlySpan<float> values, int index)
    {
        var summary = HistogramKernel.Summarize(values);
        (Min[index], Max[index]) = (Math.Min(Min[index], summary.Min), Math.Max(Max[index], summary.Max));
        var counts = _counts.AsSpan(index * Bins, Bins);
        if (values.Length >= 2 * Bins)
        {
            // Every other value has counters of its own: the next one of many equal values, zeros for instance, would wait for the store of the one before.
            Span<int> others = stackalloc int[Bins];
            others.Clear();
            for (; values.Length >= 2; values = values[2..])
            {
                counts[Bounded(BinOf(values[0]))]++;
                others[Bounded(BinOf(values[1]))]++;
            }
            for (var bin = 0; bin < Bins; bin++) counts[bin] += others[bin];
        }
        foreach (var value in values) counts[Bounded(BinOf(value))]++;
    }

    private static int Bounded(int bin) => Math.Min(Math.Max(bin, 0), Bins - 1);

    private static int BinOf(float value) => ((BitConverter.SingleToInt32Bits(value) & int.MaxValue) >> Shift) - Start + 1;
}

/// <summary>Profiles of several values by name, and the statistics from which ranges of activations are chosen, of one pass over the images.</summary>
internal sealed class NetworkProfile : IImageCollector<NetworkProfile>
{
    private readonly Dictionary<string, ChannelProfile> _profiles;

    /// <param name="profiled">The values to profile, with the axis and its size.</param>
    /// <param name="ranged">The names of the values whose ranges are to be chosen.</param>
    public NetworkProfile(IEnumerable<(string Name, int Axis, int Indices)> profiled, IEnumerable<string> ranged)
    {
        _profiles = profiled.ToDictionary(value => value.Name, value => new ChannelProfile(value.Axis, value.Indices), StringComparer.Ordinal);
        Statistics = new ActivationStatistics(ranged);
    }

    /// <summary>What ranges are chosen from.</summary>
    public ActivationStatistics Statistics { get; }

    /// <summary>Whether a value was profiled, along any axis or a certain one.</summary>
    public bool Has(string name, int? axis = null) => _profiles.TryGetValue(name, out var profile) && (axis is null || profile.Axis == axis);

    /// <summary>The profile of a value.</summary>
    public ChannelProfile this[string name] => _profiles[name];

    /// <inheritdoc/>
    public void Add(in ObservedValue value, bool isFirstHalf, int batch)
    {
        if (Statistics.Tensors.Contains(value.Name)) Statistics.Add(value.Name, value.Elements, isFirstHalf, batch);
        if (_profiles.TryGetValue(value.Name, out var profile)) profile.Add(value.ToTensor().As<float>());
    }

    /// <inheritdoc/>
    public void Merge(NetworkProfile other)
    {
        Statistics.Merge(other.Statistics);
        foreach (var (name, profile) in _profiles) profile.Merge(other._profiles[name]);
    }
}
