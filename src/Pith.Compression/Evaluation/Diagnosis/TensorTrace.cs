namespace Pith.Compression.Evaluation;

/// <summary>Collects what <see cref="TensorDiagnosis"/> says of one activation, image by image.</summary>
internal sealed class TensorTrace(ActivationPair pair)
{
    private static readonly PercentileCalibrator s_bulk = new(99.99);

    private readonly Histogram _histogram = new(pair.Tensor);
    private readonly SignalComparison _simulator = new(), _engine = new();
    private float[] _largestOfChannel = [];
    private long _saturated;

    public ActivationPair Pair => pair;

    /// <summary>The values of the float network.</summary>
    public Histogram Values => _histogram;

    /// <summary>Integers compared between simulator and engine.</summary>
    public long Compared { get; private set; }

    /// <summary>Those that differ.</summary>
    public long Different { get; private set; }

    private double Low => (pair.Low - pair.ZeroPoint) * (double)pair.Scale!.Value;

    private double High => (pair.High - pair.ZeroPoint) * (double)pair.Scale!.Value;

    /// <summary>Adds one run. Tensors that a network did not show are null.</summary>
    /// <param name="reference">The float network's tensor.</param>
    /// <param name="simulated">The simulator's, before it is rounded.</param>
    /// <param name="simulatedIntegers">The same, rounded.</param>
    /// <param name="integers">What the engine has.</param>
    public void Add(Tensor<float> reference, Tensor? simulated, Tensor? simulatedIntegers, Tensor? integers)
    {
        _histogram.Add(reference.Span);
        AddChannels(reference);
        if (simulated is Tensor<float> floats && floats.Shape == reference.Shape) _simulator.Add(reference.Span, floats.Span);
        if (pair.Scale is { } scale)
        {
            // Within a step of the end clipping costs no more than rounding does.
            double low = Low - scale, high = High + scale;
            foreach (var x in reference.Span)
                if (x < low || x > high) _saturated++;
            if (integers?.Shape == reference.Shape) _engine.Add(reference.Span, Dequantized(integers, scale));
        }
        if (simulatedIntegers is null || integers is null || simulatedIntegers.Shape != integers.Shape || simulatedIntegers.DataType != integers.DataType) return;
        ReadOnlySpan<byte> expected = simulatedIntegers.Bytes, got = integers.Bytes;
        var size = integers.DataType.SizeInBytes();
        Compared += integers.Length;
        if (expected.SequenceEqual(got)) return;
        for (var at = 0; at < got.Length; at += size)
            if (!expected.Slice(at, size).SequenceEqual(got.Slice(at, size))) Different++;
    }

    public TensorDiagnosis ToDiagnosis()
    {
        var bulk = s_bulk.Amax(_histogram);
        return new TensorDiagnosis
        {
            Name = pair.Tensor,
            Scale = pair.Scale,
            ZeroPoint = pair.ZeroPoint,
            Low = pair.Scale is null ? null : Low,
            High = pair.Scale is null ? null : High,
            Min = _histogram.Min,
            Max = _histogram.Max,
            Bulk = bulk,
            Saturated = _histogram.ElementCount == 0 ? 0 : (double)_saturated / _histogram.ElementCount,
            OutlierRatio = bulk > 0 ? _histogram.MaxAbs / bulk : 1,
            Histogram = ValueHistogram.Of(_histogram),
            Channels = pair.Scale is { } scale && _largestOfChannel.Length > 0 ? Use(scale) : null,
            Simulator = TensorError.Of(_simulator),
            Engine = TensorError.Of(_engine),
            Compared = Compared,
            Different = Different,
        };
    }

    private float[] Dequantized(Tensor integers, float scale)
    {
        var values = integers.ConvertTo(DataType.Float32).As<float>().Clone().Data;
        for (var i = 0; i < values.Length; i++) values[i] = (values[i] - pair.ZeroPoint) * scale;
        return values;
    }

    // Channels are axis 1 of images [N, C, H, W] and vectors [N, C], the last axis of sequences [N, T, C].
    private void AddChannels(Tensor<float> reference)
    {
        var shape = reference.Shape;
        if (shape.Rank < 2) return;
        var axis = shape.Rank == 3 ? 2 : 1;
        var (channels, inner) = (shape[axis], shape.LengthOf(axis + 1, shape.Rank));
        if (_largestOfChannel.Length == 0) _largestOfChannel = new float[channels];
        if (_largestOfChannel.Length != channels) return;
        for (var run = 0; run < reference.Length / Math.Max(1, inner); run++)
        {
            ref var largest = ref _largestOfChannel[run % channels];
            foreach (var x in reference.Span.Slice(run * inner, inner)) largest = Math.Max(largest, Math.Abs(x));
        }
    }

    private ChannelUse Use(float scale)
    {
        var levels = _largestOfChannel.Select((largest, channel) => new ChannelLevels(channel, largest / scale)).ToArray();
        var alive = levels.Where(channel => _largestOfChannel[channel.Channel] > QuantizationParameters.SmallestAmax).OrderBy(channel => channel.Levels).ToArray();
        return new ChannelUse(levels.Length, levels.Length - alive.Length, alive.Count(channel => channel.Levels < ChannelUse.FewLevelsBelow), [.. alive.Take(ChannelUse.Listed)]);
    }
}
