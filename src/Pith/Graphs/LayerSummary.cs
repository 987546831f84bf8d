namespace Pith;

/// <summary>A convolution or matrix product with a constant weight. Part of a <see cref="GraphSummary"/>.</summary>
public sealed record LayerSummary
{
    /// <summary>The node's name.</summary>
    public required string Name { get; init; }

    /// <summary>The ONNX op type.</summary>
    public required string OpType { get; init; }

    /// <summary>The weight's sizes.</summary>
    public required Shape WeightShape { get; init; }

    /// <summary>The element type in which the weight is stored.</summary>
    public required DataType WeightType { get; init; }

    /// <summary>Multiply-accumulates of one run; a symbolic batch counts as 1, so these are per image.</summary>
    public required long MultiplyAccumulates { get; init; }

    /// <summary>The number of weights.</summary>
    public required long Weights { get; init; }

    /// <summary>How many weights are zero, after quantization where the graph quantizes them.</summary>
    public required long Zeros { get; init; }

    /// <summary>
    /// True when no four consecutive weights along the reduction axis hold more than two non-zeros (NVIDIA's 2:4 pattern); null when the axis is not a multiple of 4 long, so that
    /// the pattern does not apply.
    /// </summary>
    public required bool? Is24Sparse { get; init; }

    /// <summary>The strictest pattern that the weight has: <c>2:4</c>, or <c>V:2:4</c> when V consecutive output channels share theirs; null when it is not 2:4 sparse.</summary>
    public required string? Pattern { get; init; }

    /// <summary>What is quantized, as far as the graph says.</summary>
    public required Precision Precision { get; init; }

    /// <summary>The share of weights that are zero, 0 to 1.</summary>
    public double Sparsity => Weights == 0 ? 0 : (double)Zeros / Weights;
}
