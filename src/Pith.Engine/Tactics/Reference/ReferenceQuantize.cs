using Pith.Building;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float to 8 bits through the op's own arithmetic, on row-major copies.</summary>
internal sealed class ReferenceQuantize : Tactic<QuantizeLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(QuantizeLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(QuantizeLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(QuantizeLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(QuantizeLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
        {
            var x = SlotTensors.Read(layer.Input, state).As<float>();
            var range = AffineQuantization.RangeOf(layer.To.Type);
            var q = Array.ConvertAll(x.Data, value => AffineQuantization.Quantize(value, layer.To.Scale, layer.To.ZeroPoint, range));
            SlotTensors.Write(layer.Output, state, Tensor.Create(x.Shape, q).ConvertTo(layer.To.Type));
        }
    }
}

/// <summary>8 bits to float through the op's own arithmetic, on row-major copies.</summary>
internal sealed class ReferenceDequantize : Tactic<DequantizeLayer>, IReferenceTactic
{
    public override string Name => "reference";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(DequantizeLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(DequantizeLayer layer, Device device) => double.MaxValue;

    protected override RunnableLayer Build(DequantizeLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(DequantizeLayer layer) : RunnableLayer
    {
        public override void Run(RunState state)
        {
            var q = SlotTensors.Read(layer.Input, state).ConvertTo(DataType.Int32).As<int>();
            SlotTensors.Write(layer.Output, state, Tensor.Create(q.Shape, Array.ConvertAll(q.Data, value => AffineQuantization.Dequantize(value, layer.From.ZeroPoint, layer.From.Scale))));
        }
    }
}
