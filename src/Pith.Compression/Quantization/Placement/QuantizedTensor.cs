namespace Pith.Compression.Quantization;

/// <summary>A computed tensor that will go through one QuantizeLinear/DequantizeLinear pair.</summary>
/// <param name="Value">The tensor.</param>
/// <param name="Uses">The operands that will read the dequantized tensor; all others go on reading the float one.</param>
/// <param name="Group">Tensors with the same number share one scale.</param>
/// <param name="IsReturned">True when the graph returns the dequantized tensor instead of the float one.</param>
public sealed record QuantizedTensor(Value Value, IReadOnlyList<Use> Uses, int Group, bool IsReturned = false);

/// <summary>A constant weight that will go through one QuantizeLinear/DequantizeLinear pair.</summary>
/// <param name="Weight">The weight and its axes.</param>
/// <param name="Uses">The operands that will read the dequantized weight: one, or several that share the weight and its axis.</param>
public sealed record QuantizedWeight(WeightOperand Weight, IReadOnlyList<Use> Uses);

/// <summary>What was decided for a layer that could be quantized.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="SkipReason">Why it stays in float, for people; null when it is quantized.</param>
public sealed record PrecisionDecision(Node Layer, string? SkipReason);
