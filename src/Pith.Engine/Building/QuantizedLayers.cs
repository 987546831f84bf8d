using Pith.Kernels;

namespace Pith.Building;

/// <summary>Float to 8 bits: round(x / scale) + zero point, saturated.</summary>
internal sealed class QuantizeLayer : Layer
{
    public required Quantization To { get; init; }

    public Slot Input => Inputs[0]!;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Quantize, $"{Input.Layout}>{Output.Layout} {Input.Shape.At(maxBatch)}");
}

/// <summary>8 bits to float: (q - zero point) * scale.</summary>
internal sealed class DequantizeLayer : Layer
{
    public required Quantization From { get; init; }

    public Slot Input => Inputs[0]!;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Dequantize, $"{Input.Layout}>{Output.Layout} {Input.Shape.At(maxBatch)}");
}

/// <summary>An element-wise function from 8 bits to 8 bits, as the 256 results in the stored (unsigned) form.</summary>
internal sealed class TableLayer : Layer
{
    /// <summary>The stored result for each stored operand.</summary>
    public required ValueList<byte> Table { get; init; }

    public Slot Input => Inputs[0]!;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Table, $"{Input.Shape.At(maxBatch)}");
}

/// <summary>Quantized tensors of one scale, concatenated along the channels.</summary>
internal sealed class ConcatLayer : Layer
{
    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Concat, string.Join(' ', Inputs.Select(input => $"{input!.Shape.At(maxBatch)}")));
}

/// <summary>The ops of a <see cref="BinaryLayer"/>.</summary>
internal enum BinaryKind { Add, Mul }

/// <summary>Sum or product of two quantized tensors, each with its own scale, with an activation, requantized. The second operand may be one value per image and channel.</summary>
internal sealed class BinaryLayer : Layer
{
    public required BinaryKind Kind { get; init; }

    public required Quantization LeftQuantization { get; init; }

    public required Quantization RightQuantization { get; init; }

    public required Quantization OutputQuantization { get; init; }

    /// <summary>Applied to the real result; <see cref="ActivationKind.None"/> or <see cref="ActivationKind.Clip"/>.</summary>
    public Activation Activation { get; init; }

    public Slot Left => Inputs[0]!;

    public Slot Right => Inputs[1]!;

    /// <summary>Whether the right operand has one pixel that all pixels of an image share.</summary>
    public bool BroadcastsPixels => Left.Shape != Right.Shape;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Binary, $"{Kind} {Left.Shape.At(maxBatch)} {Right.Shape.At(maxBatch)}", ActivationText.Of(Activation));
}
