namespace Pith.Compression.Quantization;

/// <summary>What quantization did to a layer.</summary>
/// <param name="Name">The node's name.</param>
/// <param name="OpType">The ONNX op type.</param>
/// <param name="SkipReason">Why the layer stays in float, for people; null when it is quantized.</param>
/// <param name="Operands">The operands that now go through a QuantizeLinear/DequantizeLinear pair.</param>
public sealed record LayerQuantization(string Name, string OpType, string? SkipReason, ValueList<QuantizedOperand> Operands);

/// <summary>A quantized operand of a layer.</summary>
/// <param name="Tensor">The name of the activation or weight.</param>
/// <param name="Parameters">Its scales and zero points.</param>
public sealed record QuantizedOperand(string Tensor, QuantizationParameters Parameters);
