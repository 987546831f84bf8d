namespace Pith.Compression.Quantization;

/// <summary>
/// Leaves the choice to what is measured: post-training quantization starts with the range of <see cref="MseCalibrator"/> and changes it where the error at the network's outputs gets smaller (<see cref="RangeSearch"/>). The only
/// calibrator whose ranges are changed afterwards. Where nothing is measured (effort fast, quantization-aware training), its ranges are those of <see cref="MseCalibrator"/>.
/// </summary>
public sealed record AutoCalibrator : Calibrator
{
    private static readonly MseCalibrator s_start = new();

    /// <inheritdoc/>
    public override string Name => "auto";

    /// <inheritdoc/>
    public override string Help => "mse, then changed where that makes the error at the network's outputs smaller";

    /// <inheritdoc/>
    protected override float Choose(Histogram histogram, int levels) => s_start.Amax(histogram, levels);

    /// <inheritdoc/>
    /// <inheritdoc/>
    protected override float ChooseShort(Histogram histogram, float amax, int levels) => s_start.Scale(histogram, levels, exact: false);
}
