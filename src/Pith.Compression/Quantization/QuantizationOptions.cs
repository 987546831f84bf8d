namespace Pith.Compression;

/// <summary>How a network is quantized. The defaults give what every target accepts: symmetric int8, weights per output channel, all layers. Immutable, value-equal.</summary>
public sealed record QuantizationOptions
{
    /// <summary>Which layers, by node name, then op type, then globally. A rule that matches no layer is an error.</summary>
    public LayerRules<Precision> Layers { get; init; } = new(Precision.Int8);

    /// <summary>Keeps the first layer with weights in float, unless a rule names it.</summary>
    public bool FirstLayerInFloat { get; init; }

    /// <summary>Keeps the last layer with weights in float, unless a rule names it.</summary>
    public bool LastLayerInFloat { get; init; }

    /// <summary>
    /// <see cref="DataType.Int8"/>: symmetric, the only kind that TensorRT takes. <see cref="DataType.UInt8"/>: asymmetric, with twice the resolution for values that are never
    /// negative.
    /// </summary>
    public DataType ActivationType { get; init; } = DataType.Int8;

    /// <summary>True for one weight scale per output channel, false for one per tensor.</summary>
    public bool PerChannelWeights { get; init; } = true;

    /// <summary>
    /// True for scales of exactly amax / 127; false for the nearest <see cref="ShortScale"/>, with which a literal run of the exported model in floats equals the INT8 engine bit for bit.
    /// </summary>
    public bool ExactScales { get; init; }

    /// <summary>Chooses the activation ranges.</summary>
    public Calibrator Calibrator { get; init; } = new MseCalibrator();
}
