namespace Pith.Compression.Quantization;

/// <summary>
/// NVIDIA's placement for explicit quantization: pairs before what computes in INT8, none between a convolution and the residual Add that fuses into it; symmetric int8 everywhere and float
/// biases. See "Working with Quantized Types" in TensorRT's documentation.
/// </summary>
internal static class TensorRtTarget
{
    /// <summary>The rules, which <see cref="PithTarget"/> shares.</summary>
    public static IReadOnlyList<PlacementRule> Rules { get; } =
    [
        new ComputeLayerRule(),
        new ResidualAddRule(),
        new SqueezeExciteRule(),
        new PreActivationRule(),
        new PoolingRule(),
        new ConcatRule(), // asks what the others have decided for its readers
    ];

    /// <summary>The entry of the catalog.</summary>
    public static QuantizationTarget Target { get; } = new()
    {
        Name = "tensorrt",
        Help = "symmetric int8, float biases, no pair between a convolution and the Add that fuses into it",
        Activations = ActivationForm.Int8,
        Rules = Rules,
    };
}
