namespace Pith.Compression.Evaluation;

/// <summary>How far a tensor is from the float network's.</summary>
/// <param name="SnrDecibels">Signal over error in decibels; infinite when equal.</param>
/// <param name="Cosine">Cosine of the angle between both.</param>
/// <param name="MaxAbsoluteError">The largest difference.</param>
public sealed record TensorError(double SnrDecibels, double Cosine, double MaxAbsoluteError)
{
    internal static TensorError? Of(SignalComparison signal) => signal.Count == 0 ? null : new(signal.SnrDecibels, signal.Cosine, signal.MaxAbsoluteError);
}

/// <summary>How the channels of a tensor use the levels of its one scale.</summary>
/// <param name="Count">Channels.</param>
/// <param name="Dead">Channels that are 0 on all images.</param>
/// <param name="FewLevels">Other channels whose largest value is below <see cref="FewLevelsBelow"/> steps.</param>
/// <param name="Narrowest">The channels with the fewest levels, at most <see cref="Listed"/>, dead ones left out: index and levels.</param>
public sealed record ChannelUse(int Count, int Dead, int FewLevels, IReadOnlyList<ChannelLevels> Narrowest)
{
    /// <summary>A channel that uses fewer steps than this, of 127, has lost half of its eight bits.</summary>
    public const double FewLevelsBelow = 8;

    /// <summary>The most channels that are listed.</summary>
    public const int Listed = 8;
}

/// <summary>A channel's use of its tensor's levels.</summary>
/// <param name="Channel">Its index.</param>
/// <param name="Levels">Its largest |x| in steps; 127 for one that fills the range of int8.</param>
public sealed record ChannelLevels(int Channel, double Levels);

/// <summary>The distribution of |x| in equal bins, the first of which begins at 0.</summary>
/// <param name="BinWidth">The width of a bin.</param>
/// <param name="Counts">Values in each bin, up to the last that holds one.</param>
public sealed record ValueHistogram(double BinWidth, IReadOnlyList<long> Counts)
{
    private const int Bins = 64;

    internal static ValueHistogram Of(Histogram histogram)
    {
        var group = Math.Max(1, (histogram.OccupiedBins + Bins - 1) / Bins);
        var counts = new long[(histogram.OccupiedBins + group - 1) / group];
        for (var i = 0; i < histogram.OccupiedBins; i++) counts[i / group] += histogram.Counts[i];
        return new(histogram.BinWidth * group, counts);
    }
}

/// <summary>An activation with a Q/DQ pair: its values in the float network, the range that was chosen, and the error in the simulator and in the engine.</summary>
public sealed record TensorDiagnosis
{
    /// <summary>The float tensor's name.</summary>
    public required string Name { get; init; }

    /// <summary>The scale of its pair; null when there is one for each channel.</summary>
    public float? Scale { get; init; }

    /// <summary>The zero point of its pair.</summary>
    public int ZeroPoint { get; init; }

    /// <summary>The smallest value that the integers stand for; null without a single scale.</summary>
    public double? Low { get; init; }

    /// <summary>The largest value that the integers stand for.</summary>
    public double? High { get; init; }

    /// <summary>The smallest value in the float network; 0 when all are positive.</summary>
    public required double Min { get; init; }

    /// <summary>The largest value in the float network; 0 when all are negative.</summary>
    public required double Max { get; init; }

    /// <summary>99.99% of |x| are below this.</summary>
    public required double Bulk { get; init; }

    /// <summary>The share of values, 0 to 1, that lie outside of the range by more than a step.</summary>
    public required double Saturated { get; init; }

    /// <summary>The largest |x| over <see cref="Bulk"/>: how much longer the tail is than what nearly all values need.</summary>
    public required double OutlierRatio { get; init; }

    /// <summary>The distribution of |x| in the float network.</summary>
    public required ValueHistogram Histogram { get; init; }

    /// <summary>Use of the levels by channel; null without a single scale.</summary>
    public ChannelUse? Channels { get; init; }

    /// <summary>The tensor as the simulator has it before the pair rounds it: the error of all layers before. Null when it was not seen.</summary>
    public TensorError? Simulator { get; init; }

    /// <summary>The tensor as the engine has it, its own rounding included. Null when the engine has it only inside a fused layer.</summary>
    public TensorError? Engine { get; init; }

    /// <summary>Integers that were compared between simulator and engine; 0 when the engine has them only inside a fused layer.</summary>
    public required long Compared { get; init; }

    /// <summary>Those that differ.</summary>
    public required long Different { get; init; }
}
