namespace Pith.Compression.Quantization;

/// <summary>The largest |x|: nothing is clipped, and one outlier can cost most of the resolution.</summary>
public sealed record MaxCalibrator : Calibrator
{
    /// <inheritdoc/>
    public override string Name => "max";

    /// <inheritdoc/>
    public override string Help => "the largest |x| seen; clips nothing";

    /// <inheritdoc/>
    protected override float Choose(Histogram histogram, int levels) => histogram.MaxAbs;

    /// <summary>The next larger one: nothing is clipped.</summary>
    /// <inheritdoc/>
    protected override float ChooseShort(Histogram histogram, float amax, int levels) => ShortScale.RoundUp(amax / levels);
}
