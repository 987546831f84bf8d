namespace Pith.Compression;

/// <summary>
/// How a network is quantized, in the words of recipes and of the command line: shared by the steps <c>quantize</c> and <c>qat</c>. Immutable, value-equal, JSON in snake_case.
/// </summary>
public sealed record QuantizationSettings
{
    /// <summary>The calibrator, see <see cref="CalibratorCatalog.Parse"/>: <c>max</c>, <c>percentile:99.99</c>, <c>mse</c>, <c>entropy</c>.</summary>
    public string Calibrator { get; init; } = "mse";

    /// <summary>Exactly so many training images are observed.</summary>
    public int Samples { get; init; } = CalibrationRun.DefaultSamples;

    /// <summary>Decides which.</summary>
    public int CalibrationSeed { get; init; } = 1;

    /// <summary><c>int8</c> (symmetric, what TensorRT takes) or <c>uint8</c> (asymmetric).</summary>
    public string Activations { get; init; } = "int8";

    /// <summary>One weight scale per output channel; false: one per tensor, and quantization-aware training folds batch norm before it starts.</summary>
    public bool PerChannel { get; init; } = true;

    /// <summary>Names or patterns of layers that stay in float; win over <see cref="Only"/>.</summary>
    public ValueList<NamePattern> KeepFloat { get; init; } = [];

    /// <summary>Op types that stay in float.</summary>
    public ValueList<string> KeepFloatTypes { get; init; } = [];

    /// <summary>When not empty, only layers with these names or patterns are quantized.</summary>
    public ValueList<NamePattern> Only { get; init; } = [];

    /// <summary>Keeps the first layer with weights in float.</summary>
    public bool FirstLayerInFloat { get; init; }

    /// <summary>Keeps the last layer with weights in float.</summary>
    public bool LastLayerInFloat { get; init; }

    /// <summary>
    /// Keeps scales at full precision (<c>amax / 127</c> to the last bit) instead of rounding them to four significant bits. Other runtimes then no longer give exactly what the engine gives.
    /// </summary>
    public bool ExactScales { get; init; }

    /// <summary>Checks the fields.</summary>
    /// <exception cref="PithException">A field is out of range; the message names it as in JSON.</exception>
    public void Check()
    {
        FieldRange.Require("samples", Samples, 1, 10_000_000);
        _ = ToOptions();
    }

    /// <summary>The options that <see cref="FakeQuantization"/> takes.</summary>
    /// <exception cref="PithException">The calibrator or the activation type does not exist.</exception>
    public QuantizationOptions ToOptions() => new()
    {
        Calibrator = CalibratorCatalog.Parse(Calibrator),
        ActivationType = Activations switch
        {
            "int8" => DataType.Int8,
            "uint8" => DataType.UInt8,
            _ => throw new PithException($"'activations': expected int8 or uint8, got '{Activations}'."),
        },
        PerChannelWeights = PerChannel,
        FirstLayerInFloat = FirstLayerInFloat,
        LastLayerInFloat = LastLayerInFloat,
        ExactScales = ExactScales,
        Layers = new LayerRules<Precision>(Only.Count > 0 ? Precision.Float : Precision.Int8)
        {
            // The first rule that matches decides: what is kept in float stands before what is chosen.
            ByName = [.. KeepFloat.Select(pattern => (pattern, Precision.Float)), .. Only.Select(pattern => (pattern, Precision.Int8))],
            ByOpType = [.. KeepFloatTypes.Select(type => (type, Precision.Float))],
        },
    };
}
