namespace Pith.Compression;

/// <summary>What Pith's own engine is fastest and most accurate with: residual Adds and activations stay in the convolution before them (fewer roundings, fewer passes over memory), and uint8 with a zero
/// point, which costs the engine nothing, because it stores all activations as unsigned bytes.</summary>
internal static class PithTarget
{
    /// <summary>The entry of the catalog.</summary>
    public static QuantizationTarget Target { get; } = new()
    {
        Name = "pith",
        Help = "uint8 with zero points, otherwise as tensorrt: what Pith's engine is fastest and most accurate with",
        Activations = ActivationForm.UInt8,
        Rules = TensorRtTarget.Rules,
    };
}
