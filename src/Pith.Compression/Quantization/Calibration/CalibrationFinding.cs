namespace Pith.Compression.Quantization;

/// <summary>How much a <see cref="CalibrationFinding"/> matters.</summary>
public enum FindingSeverity
{
    /// <summary>Worth knowing.</summary>
    Info,

    /// <summary>Accuracy is probably lost.</summary>
    Warning,
}

/// <summary>Something that the calibration lint noticed.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Rule">The check that found it: <c>zero_range</c>, <c>saturation</c>, <c>outliers</c>, <c>convergence</c> or <c>classes</c>.</param>
/// <param name="Tensor">The tensor, or null when the finding is about the whole set.</param>
/// <param name="Message">What was found and what to do, for people.</param>
public sealed record CalibrationFinding(FindingSeverity Severity, string Rule, string? Tensor, string Message);
