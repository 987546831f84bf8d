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

    /// <summary>The runtime that the network is for, see <see cref="TargetCatalog"/>: where Q/DQ pairs go, the form of activations and of biases.</summary>
    public string Target { get; init; } = TargetCatalog.Default.Name;

    /// <summary><c>int8</c>, <c>uint8</c> or <c>symmetric</c>, see <see cref="ActivationForm"/>; null for the form that <see cref="Target"/> wants.</summary>
    public string? Activations { get; init; }

    /// <summary>Weights of 7 bits, for runtimes on x86 CPUs with AVX2 but no VNNI; see <see cref="QuantizationOptions.ReduceRange"/>.</summary>
    public bool ReduceRange { get; init; }

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
    /// <exception cref="PithException">The calibrator, the target or the form of activations does not exist.</exception>
    public QuantizationOptions ToOptions() => new()
    {
        Calibrator = CalibratorCatalog.Parse(Calibrator),
        Target = TargetCatalog.Parse(Target),
        Activations = Activations switch
        {
            null => null,
            "int8" => ActivationForm.Int8,
            "uint8" => ActivationForm.UInt8,
            "symmetric" => ActivationForm.Symmetric,
            _ => throw new PithException($"'activations': expected int8, uint8 or symmetric, got '{Activations}'."),
        },
        ReduceRange = ReduceRange,
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
