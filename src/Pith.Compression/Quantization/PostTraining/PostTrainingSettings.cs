namespace Pith.Compression.Quantization;

/// <summary>How much work post-training quantization does for accuracy.</summary>
public enum QuantizationEffort
{
    /// <summary>Calibrated ranges and rounding to nearest: seconds.</summary>
    Fast,

    /// <summary>Equalised channels, ranges chosen by the error at the outputs, layers reconstructed one after the other: one to three minutes for a MobileNetV2 on two cores.</summary>
    Balanced,

    /// <summary>The same with more images and samples, several passes of reconstruction, and everything both with and without equalised channels: several times as long.</summary>
    Best,
}

/// <summary>What post-training quantization does besides calibrating; in JSON in snake_case, side by side with <see cref="QuantizationSettings"/>. Immutable, value-equal.</summary>
public sealed record PostTrainingSettings
{
    /// <summary>How much work to do. Scales from a calibration cache leave no choice: nothing is run then.</summary>
    public QuantizationEffort Effort { get; init; } = QuantizationEffort.Balanced;
}
