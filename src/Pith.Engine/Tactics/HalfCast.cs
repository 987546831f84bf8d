using Pith.Building;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Cast between single and half precision, in any layout: what stands at the ends of a network in half precision.</summary>
internal sealed unsafe class HalfCast : Tactic<OpLayer>
{
    public override string Name => "half-cast";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not Cast || (layer.Inputs[0]!.DataType, layer.Output.DataType) is not ((DataType.Float16, DataType.Float32) or (DataType.Float32, DataType.Float16)) ? Verdict.NotFor("Cast between single and half precision")
        : layer.Inputs[0]!.Layout != layer.Output.Layout ? Verdict.No("needs one layout") : Verdict.Yes;

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer.Inputs[0]!, layer.Output);

    private sealed class Runnable(Slot input, Slot output) : RunnableLayer, IParallelBody
    {
        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Elements.Count(output.Shape.Elements(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (begin, end) = WorkSplit.Elements.Of(part, output.Shape.Elements(state.Batch));
            var from = state.Address(input);
            var to = state.Address(output);
            if (output.DataType == DataType.Float32) HalfConversion.ToSingle((ushort*)from + begin, (float*)to + begin, (nint)(end - begin));
            else HalfConversion.ToHalf((float*)from + begin, (ushort*)to + begin, (nint)(end - begin));
        }
    }
}
