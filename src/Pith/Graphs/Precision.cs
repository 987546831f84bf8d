namespace Pith;

/// <summary>What a layer with weights computes with.</summary>
public enum Precision
{
    /// <summary>Floating point: neither data nor weights are quantized.</summary>
    Float,

    /// <summary>Weights are quantized, data is not: the layer computes in floating point. Reported by <see cref="GraphSummary"/>; quantization never chooses it.</summary>
    Int8Weights,

    /// <summary>Data and weights are quantized to 8 bits: an INT8 kernel can run the layer.</summary>
    Int8,
}
