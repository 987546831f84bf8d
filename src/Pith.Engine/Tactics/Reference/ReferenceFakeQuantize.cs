using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Fake quantization element by element.</summary>
internal sealed class ReferenceFakeQuantize : ReferenceTactic<FakeQuantizeLayer>
{
    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override bool KeepsConstants => false;

    protected override void Run(FakeQuantizeLayer layer, RunState state)
    {
        var x = SlotTensors.Read(layer.Input, state).As<float>();
        var scales = SlotTensors.Read(layer.Scale, state).As<float>().Data;
        var y = Tensor.Zeros<float>(x.Shape);
        var perScale = x.Length / scales.Length;
        for (var i = 0; i < x.Length; i++)
        {
            var scale = scales[i / perScale];
            var rounded = MathF.Round(x.Data[i] / scale, MidpointRounding.ToEven);
            // Not Math.Clamp: NaN becomes the smallest step, as in QuantizeLinear.
            y.Data[i] = (rounded >= layer.Smallest ? Math.Min(rounded, layer.Largest) : layer.Smallest) * scale;
        }
        SlotTensors.Write(layer.Output, state, y);
    }
}
