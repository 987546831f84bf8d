namespace Pith.Compression.Quantization;

/// <summary>
/// A stage of post-training quantization, or of one-shot pruning, with the error that was measured after it, on a quarter of the calibration images. Factors and ranges are chosen by the others; reconstruction decides by these how far weights may move,
/// and then takes all images for it (<see cref="IsFitted"/>).
/// </summary>
/// <param name="Name">What was done: <c>calibrate</c>, <c>equalize channels</c>, <c>choose ranges</c>, <c>reconstruct layers</c>; <c>prune by magnitude</c>, <c>prune by second moments</c>.</param>
/// <param name="Error">The energy of the error of the changed network's outputs relative to that of the outputs, with the stage; 0.01 is a signal-to-noise ratio of 20 dB.</param>
/// <param name="IsKept">Whether the stage helped (equalisation: the error that activations cause); one that did not was undone.</param>
/// <param name="Detail">How much of the network it concerned, for people.</param>
public sealed record AccuracyStage(string Name, double Error, bool IsKept, string Detail)
{
    /// <summary>Whether weights were fitted to the images that <see cref="Error"/> was measured on: the error on new images is larger.</summary>
    public bool IsFitted { get; init; }

    /// <summary>The signal-to-noise ratio of the outputs in decibels.</summary>
    public double SnrDecibels => -10 * Math.Log10(Error);
}
