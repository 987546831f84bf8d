namespace Pith.Compression.Quantization;

/// <summary>
/// Chooses the largest magnitude that stays representable (<c>amax</c>) from the histogram of a tensor. Larger values will be clipped.
/// Calibrators are immutable values: any number of threads may use one. Those of Pith are in <see cref="CalibratorCatalog"/>; a program may pass its own.
/// </summary>
public abstract record Calibrator
{
    /// <summary>The name on the command line and in recipes, e.g. <c>mse</c>.</summary>
    public abstract string Name { get; }

    /// <summary>One line for <c>--help</c>.</summary>
    public abstract string Help { get; }

    /// <summary>The parameter as written after the name and a colon, or null when there is none to write.</summary>
    public virtual string? Argument => null;

    /// <summary>This calibrator with another parameter, written as in <c>percentile:99.9</c>.</summary>
    /// <exception cref="PithException">The calibrator has no parameter, or cannot take this one.</exception>
    public virtual Calibrator WithArgument(string argument) =>
        throw new PithException($"Calibrator '{Name}' has no parameter, got '{Name}:{argument}'. Write '{Name}'.");

    /// <summary>The largest magnitude to represent, 0 for a tensor that was always zero.</summary>
    /// <param name="histogram">All values of the tensor over the calibration set.</param>
    /// <param name="levels">The number of steps between 0 and amax: 127 for symmetric int8, 255 for uint8 with zero point 0.</param>
    /// <exception cref="PithException">The histogram is empty: there is nothing to calibrate on.</exception>
    public float Amax(Histogram histogram, int levels = 127)
    {
        ArgumentNullException.ThrowIfNull(histogram);
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 1);
        if (histogram.ElementCount == 0)
            throw new PithException($"Calibrator '{this}' cannot choose a range for tensor '{histogram.Tensor}': no value of it was observed. Run at least one calibration batch.");
        return histogram.MaxAbs == 0 ? 0 : Math.Min(Choose(histogram, levels), float.MaxValue);
    }

    /// <summary>
    /// The scale for <see cref="Amax"/>: <c>amax / levels</c> exactly, or as a <see cref="ShortScale"/>; 1 for an amax that counts as zero (<see cref="QuantizationParameters.SmallestAmax"/>).
    /// </summary>
    /// <param name="histogram">All values of the tensor over the calibration set.</param>
    /// <param name="levels">The number of steps between 0 and amax.</param>
    /// <param name="exact">True for the full-precision scale.</param>
    /// <exception cref="PithException">The histogram is empty.</exception>
    public float Scale(Histogram histogram, int levels, bool exact)
    {
        var amax = Amax(histogram, levels);
        if (amax <= QuantizationParameters.SmallestAmax) return 1;
        return exact ? amax / levels : ChooseShort(histogram, amax, levels);
    }

    /// <summary>The short scale for a chosen amax: the nearest, unless the calibrator has a reason for another.</summary>
    protected virtual float ChooseShort(Histogram histogram, float amax, int levels) => ShortScale.RoundToNearest(amax / levels);

    /// <summary>What <see cref="Amax"/> returns for a histogram with at least one value that is not zero.</summary>
    protected abstract float Choose(Histogram histogram, int levels);

    /// <summary>The name, with the parameter if there is one: <c>percentile:99.99</c>.</summary>
    public sealed override string ToString() => Argument is null ? Name : $"{Name}:{Argument}";
}
