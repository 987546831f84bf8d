using Pith.Kernels;

namespace Pith.Building;

/// <summary>Normalization of groups of channels of each image, with scale and bias per channel and an activation after it. Operands: x [N, C, spatial...], scale [C], bias [C].</summary>
internal sealed class NormalizationLayer : Layer
{
    /// <summary>Groups of channels; as many as channels for instance normalization.</summary>
    public required int Groups { get; init; }

    public required float Epsilon { get; init; }

    public Activation Activation { get; init; }

    public Slot Input => Inputs[0]!;

    public Slot Scale => Inputs[1]!;

    public Slot Bias => Inputs[2]!;

    /// <summary>Pixels of an image.</summary>
    public int Pixels => checked((int)(Input.Pixels(1) / Math.Max(1, Input.Shape.Size(0, 1))));

    public override LayerSpec SpecAt(int maxBatch) => Spec(LayerKind.Op, $"normalization {Groups} groups {Input.Shape.At(maxBatch)}{(Input.Layout == Layout.ChannelsLast ? "/nhwc" : "")}", ActivationText.Of(Activation));
}
