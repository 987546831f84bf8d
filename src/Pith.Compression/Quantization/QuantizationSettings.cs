namespace Pith.Compression.Quantization;

/// <summary>
/// How a network is quantized. The defaults give what every target accepts: symmetric int8, weights per output channel, all layers. A name or type that matches no layer is an error. Immutable, value-equal, JSON in snake_case:
/// shared by the steps <c>quantize</c> and <c>qat</c>.
/// </summary>
public sealed record QuantizationSettings
{
    /// <summary>Chooses the activation ranges; in JSON its name: <c>auto</c>, <c>max</c>, <c>percentile:99.99</c>, <c>mse</c>, <c>entropy</c>.</summary>
    public Calibrator Calibrator { get; init; } = new AutoCalibrator();

    /// <summary>The number of training images that are observed.</summary>
    public int Samples { get; init; } = CalibrationRun.DefaultSamples;

    /// <summary>Random seed that selects them.</summary>
    public int CalibrationSeed { get; init; } = 1;

    /// <summary>The runtime that the network is for, in JSON its name: where Q/DQ pairs go, the form of activations and of biases.</summary>
    public QuantizationTarget Target { get; init; } = TargetCatalog.Default;

    /// <summary>The form of activations; null uses the default of <see cref="Target"/>.</summary>
    public ActivationForm? Activations { get; init; }

    /// <summary>
    /// True for weights of 7 bits: on x86 CPUs without VNNI (AVX2), runtimes add two products of uint8 and int8 in 16 bits, which saturates with weights of 8 bits. Pith's engine does not need it.
    /// </summary>
    public bool ReduceRange { get; init; }

    /// <summary>One weight scale per output channel; false: one per tensor, and quantization-aware training folds batch norm before it starts.</summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>Names or patterns of layers that stay in float; win over <see cref="Only"/>.</summary>
    public ValueList<NamePattern> KeepFloat { get; init; } = [];

    /// <summary>Op types that stay in float.</summary>
    public ValueList<string> KeepFloatTypes { get; init; } = [];

    /// <summary>When not empty, only layers with these names or patterns are quantized.</summary>
    public ValueList<NamePattern> Only { get; init; } = [];

    /// <summary>Keeps the first layer with weights in float, unless <see cref="Only"/> names it.</summary>
    public bool FirstLayerInFloat { get; init; }

    /// <summary>Keeps the last layer with weights in float, unless <see cref="Only"/> names it.</summary>
    public bool LastLayerInFloat { get; init; }

    /// <summary>
    /// True for scales of exactly amax / 127; false for the nearest <see cref="ShortScale"/>, with four significant bits, with which a literal run of the exported model in floats equals the INT8 engine bit for bit.
    /// </summary>
    public bool ExactScales { get; init; }

    /// <summary>The form of activations that results from target and settings.</summary>
    internal ActivationForm ActivationForm => Activations ?? Target.Activations;

    /// <summary>The largest quantized weight: 127, or 63 for 7 bits.</summary>
    internal int LargestWeight => ReduceRange ? 63 : 127;

    /// <summary>The choice of layers, by name, then op type, then for all. The first rule that matches decides, so what is kept in float stands before what is chosen.</summary>
    internal LayerRules<Precision> Layers => new(Only.Count > 0 ? Precision.Float : Precision.Int8)
    {
        ByName = [.. KeepFloat.Select(pattern => (pattern, Precision.Float)), .. Only.Select(pattern => (pattern, Precision.Int8))],
        ByOpType = [.. KeepFloatTypes.Select(type => (type, Precision.Float))],
    };

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range; the message names it as in JSON.</exception>
    public void Check() => FieldRange.Require("samples", Samples, 1, 10_000_000);
}
