using Pith.Building;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float to 8 bits through the op's own arithmetic, on row-major copies.</summary>
internal sealed class ReferenceQuantize : ReferenceTactic<QuantizeLayer>
{
    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override void Run(QuantizeLayer layer, RunState state)
    {
        var x = SlotTensors.Read(layer.Input, state).As<float>();
        var range = AffineQuantization.RangeOf(layer.To.Type);
        var q = Array.ConvertAll(x.Data, value => AffineQuantization.Quantize(value, layer.To.Scale, layer.To.ZeroPoint, range));
        SlotTensors.Write(layer.Output, state, Tensor.Create(x.Shape, q).ConvertTo(layer.To.Type));
    }
}

/// <summary>8 bits to float through the op's own arithmetic, on row-major copies.</summary>
internal sealed class ReferenceDequantize : ReferenceTactic<DequantizeLayer>
{
    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override void Run(DequantizeLayer layer, RunState state)
    {
        var q = SlotTensors.Read(layer.Input, state).ConvertTo(DataType.Int32).As<int>();
        SlotTensors.Write(layer.Output, state, Tensor.Create(q.Shape, Array.ConvertAll(q.Data, value => AffineQuantization.Dequantize(value, layer.From.ZeroPoint, layer.From.Scale))));
    }
}
