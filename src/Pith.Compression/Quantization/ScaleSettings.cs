namespace Pith.Compression.Quantization;

/// <summary>What quantization-aware training does with scales.</summary>
public enum ScaleMode
{
    /// <summary>They stay as calibrated.</summary>
    Frozen,
    /// <summary>They are trained with the weights, from the calibrated ones on (Esser et al., "Learned step size quantization", 2020).</summary>
    Learned,
}

/// <summary>How quantization-aware training treats scales. Immutable, value-equal, JSON in snake_case.</summary>
public sealed record ScaleSettings
{
    /// <summary>Whether they are trained.</summary>
    public ScaleMode Scales { get; init; }
}
