namespace Pith.Building;

/// <summary>y = clamp(round_half_even(x / scale), smallest, largest) * scale. Operands: x, scale (one, or one for each index of axis 0).</summary>
internal sealed class FakeQuantizeLayer : Layer
{
    /// <summary>The smallest step: that of the 8-bit type less the zero point.</summary>
    public required int Smallest { get; init; }

    /// <summary>The largest step: that of the 8-bit type less the zero point.</summary>
    public required int Largest { get; init; }

    public Slot Input => Inputs[0]!;

    public Slot Scale => Inputs[1]!;

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Op, $"FakeQuantize {Smallest}..{Largest} {Input.Shape.At(maxBatch)} scale {Scale.Shape.At(maxBatch)}");
}
