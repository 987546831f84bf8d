using System.Globalization;

namespace Pith.Compression.Quantization;

/// <summary>
/// The distribution of |x| of one tensor over a calibration set: 2048 equally wide bins over [0, <see cref="Range"/>), where the range is
/// the smallest power of two above the largest |x| seen. When larger values arrive the range doubles and pairs of bins are merged exactly,
/// so the result depends on the multiset of values only: not on batch size, order or number of threads, and histograms of several
/// threads or machines can be added with <see cref="Merge"/>.
/// One instance belongs to one thread at a time.
/// </summary>
public sealed class Histogram
{
    /// <summary>The number of bins.</summary>
    public const int BinCount = 2048;

    /// <summary>log2 of <see cref="BinCount"/>.</summary>
    internal const int BinCountLog2 = 11;

    /// <summary>
    /// log2 of the smallest range. All values below 2^-100 share the first few bins, which no calibrator can tell apart from zero
    /// (<see cref="QuantizationParameters.SmallestAmax"/> is 2^-24); it keeps <c>2048 / range</c> a normal float.
    /// </summary>
    internal const int SmallestRangeLog2 = -100;

    private readonly long[] _counts = new long[BinCount];
    private int _rangeLog2 = SmallestRangeLog2;

    /// <summary>Creates an empty histogram.</summary>
    /// <param name="tensor">The name of the tensor, for error messages.</param>
    public Histogram(string tensor) => Tensor = tensor;

    /// <summary>The name of the tensor.</summary>
    public string Tensor { get; }

    /// <summary>The number of values in each bin. Bin i holds <c>i * BinWidth &lt;= |x| &lt; (i + 1) * BinWidth</c>; zeros lie in bin 0.</summary>
    public ReadOnlySpan<long> Counts => _counts;

    /// <summary>The upper end of the last bin, a power of two (up to 2^128, hence a double).</summary>
    public double Range => Math.ScaleB(1, _rangeLog2);

    /// <summary>The width of one bin, a power of two.</summary>
    public double BinWidth => Math.ScaleB(1, _rangeLog2 - BinCountLog2);

    /// <summary>The number of values seen.</summary>
    public long ElementCount { get; private set; }

    /// <summary>The number of values that were exactly zero (of either sign).</summary>
    public long ZeroCount { get; private set; }

    /// <summary>The largest |x| seen, exactly; 0 when nothing was seen.</summary>
    public float MaxAbs => Math.Max(-Min, Max);

    /// <summary>The smallest value seen or 0, whichever is less: a quantized range always contains 0.</summary>
    public float Min { get; private set; }

    /// <summary>The largest value seen or 0, whichever is more: a quantized range always contains 0.</summary>
    public float Max { get; private set; }

    /// <summary>One more than the index of the last bin that holds a value; 0 when nothing was seen.</summary>
    public int OccupiedBins => Array.FindLastIndex(_counts, count => count != 0) + 1;

    /// <summary>The lower edge of bin <paramref name="index"/>, which is the upper edge of the one before. Exact.</summary>
    public float Edge(int index) => (float)(index * BinWidth);

    /// <summary>Adds all <paramref name="values"/>.</summary>
    /// <param name="values">Elements of the tensor in any order.</param>
    /// <param name="batch">The index of the batch that they come from, for error messages.</param>
    /// <exception cref="PithException">A value is NaN or infinite. The histogram is then useless and must be dropped.</exception>
    public void Add(ReadOnlySpan<float> values, int batch = 0)
    {
        var summary = HistogramKernel.Summarize(values);
        if (!summary.IsFinite) throw NotFinite(values, batch);
        if (summary.MaxAbs != 0) GrowTo(RangeLog2Above(summary.MaxAbs));
        Min = Math.Min(Min, summary.Min);
        Max = Math.Max(Max, summary.Max);
        ElementCount += values.Length;
        ZeroCount += HistogramKernel.Count(values, MathF.ScaleB(1, BinCountLog2 - _rangeLog2), _counts);
    }

    /// <summary>Adds what <paramref name="other"/> has counted, as if all its values had been added here.</summary>
    public void Merge(Histogram other)
    {
        ArgumentNullException.ThrowIfNull(other);
        GrowTo(other._rangeLog2);
        var shift = Math.Min(_rangeLog2 - other._rangeLog2, BinCountLog2);
        for (var i = 0; i < BinCount; i++) _counts[i >> shift] += other._counts[i];
        ElementCount += other.ElementCount;
        ZeroCount += other.ZeroCount;
        Min = Math.Min(Min, other.Min);
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>How many numbers <see cref="Write"/> makes.</summary>
    internal const int NumberCount = BinCount + 5;

    /// <summary>Writes all that it holds but the name.</summary>
    /// <param name="numbers">As many as <see cref="NumberCount"/> says.</param>
    internal void Write(Span<long> numbers)
    {
        _counts.CopyTo(numbers);
        ReadOnlySpan<long> rest = [_rangeLog2, ElementCount, ZeroCount, BitConverter.SingleToInt32Bits(Min), BitConverter.SingleToInt32Bits(Max)];
        rest.CopyTo(numbers[BinCount..]);
    }

    /// <summary>The histogram that <see cref="Write"/> has written.</summary>
    internal static Histogram Read(string tensor, ReadOnlySpan<long> numbers)
    {
        var rest = numbers[BinCount..];
        var histogram = new Histogram(tensor)
        {
            _rangeLog2 = (int)rest[0], ElementCount = rest[1], ZeroCount = rest[2], Min = BitConverter.Int32BitsToSingle((int)rest[3]), Max = BitConverter.Int32BitsToSingle((int)rest[4]),
        };
        numbers[..BinCount].CopyTo(histogram._counts);
        return histogram;
    }

    /// <summary>A copy that later additions do not change.</summary>
    public Histogram Snapshot()
    {
        var copy = new Histogram(Tensor);
        copy.Merge(this);
        return copy;
    }

    /// <summary>The share of values, from 0 to 1, in bins that lie wholly at or above <paramref name="threshold"/>; 0 when nothing was seen.</summary>
    public double ShareAbove(double threshold)
    {
        if (ElementCount == 0) return 0;
        long above = 0;
        for (var i = BinCount - 1; i >= 0 && i * BinWidth >= threshold; i--) above += _counts[i];
        return (double)above / ElementCount;
    }

    /// <summary>Name, element count and largest |x|.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Tensor}: {ElementCount} values, {ZeroCount} zeros, |x| <= {MaxAbs}");

    /// <summary>log2 of the smallest power of two that is greater than <paramref name="value"/> (positive and finite), at least <see cref="SmallestRangeLog2"/>.</summary>
    internal static int RangeLog2Above(float value) => Math.Max(MathF.ILogB(value) + 1, SmallestRangeLog2);

    private void GrowTo(int rangeLog2)
    {
        if (rangeLog2 <= _rangeLog2) return;
        var shift = Math.Min(rangeLog2 - _rangeLog2, BinCountLog2);
        _rangeLog2 = rangeLog2;
        for (var i = 1; i < BinCount; i++)
        {
            var count = _counts[i];
            _counts[i] = 0;
            _counts[i >> shift] += count;
        }
    }

    private PithException NotFinite(ReadOnlySpan<float> values, int batch)
    {
        var at = 0;
        while (float.IsFinite(values[at])) at++;
        return new PithException(string.Create(CultureInfo.InvariantCulture,
            $"Calibration: tensor '{Tensor}' has the value {values[at]} at element {at} of batch {batch}; every value must be finite. Check the preprocessing of that batch and the model in FP32."));
    }
}
