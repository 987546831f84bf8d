namespace Pith.Compression.Quantization;

/// <summary>A runtime that quantized networks are written for: which form it computes in integers from end to end. Immutable; the list of all is <see cref="TargetCatalog"/>.</summary>
public sealed record QuantizationTarget
{
    /// <summary>The name on the command line and in recipes.</summary>
    public required string Name { get; init; }

    /// <summary>One line for <c>--help</c>.</summary>
    public required string Help { get; init; }

    /// <summary>The form of activations, unless the options name another.</summary>
    public required ActivationForm Activations { get; init; }

    /// <summary>True when the runtime computes uint8 activations with zero points as well as its own form.</summary>
    public bool TakesZeroPoints { get; init; }

    /// <summary>Where Q/DQ pairs go; the first rule that takes a node decides.</summary>
    internal IReadOnlyList<PlacementRule> Rules { get; init; } = [];

    /// <summary>True for int32 biases with a DequantizeLinear of scale <c>input scale * weight scale</c>; false for float biases on the same grid.</summary>
    public bool IntegerBiases { get; init; }

    /// <summary>True when no quantized value may lie outside the bounds of a Clip before the pair, so that the runtime can leave the Clip out.</summary>
    public bool RangesImplyClips { get; init; }

    /// <summary>The name.</summary>
    public override string ToString() => Name;
}
