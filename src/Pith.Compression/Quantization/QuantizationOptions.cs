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

    /// <summary>The runtime that the network is for: where pairs go and in which form.</summary>
    public QuantizationTarget Target { get; init; } = TargetCatalog.Default;

    /// <summary>The form of activations; null for that of <see cref="Target"/>.</summary>
    public ActivationForm? Activations { get; init; }

    /// <summary>The form of activations that results from target and options.</summary>
    public ActivationForm ActivationForm => Activations ?? Target.Activations;

    /// <summary>
    /// True for weights of 7 bits: on x86 CPUs without VNNI (AVX2), runtimes add two products of uint8 and int8 in 16 bits, which saturates with weights of 8 bits. Pith's engine does not need it.
    /// </summary>
    public bool ReduceRange { get; init; }

    /// <summary>The largest quantized weight: 127, or 63 for 7 bits.</summary>
    public int LargestWeight => ReduceRange ? 63 : 127;

    /// <summary>True for one weight scale per output channel, false for one per tensor.</summary>
    public bool PerChannelWeights { get; init; } = true;

    /// <summary>
    /// True for scales of exactly amax / 127; false for the nearest <see cref="ShortScale"/>, with which a literal run of the exported model in floats equals the INT8 engine bit for bit.
    /// </summary>
    public bool ExactScales { get; init; }

    /// <summary>Chooses the activation ranges.</summary>
    public Calibrator Calibrator { get; init; } = new MseCalibrator();
}
