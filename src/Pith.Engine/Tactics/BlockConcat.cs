using Pith.Building;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Joins operands of any type that lie in one layout, block by block: what lies after the axis is one block for each index before it.</summary>
internal sealed unsafe class BlockConcat : Tactic<OpLayer>
{
    public override string Name => "block-concat";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not Concat ? Verdict.NotFor("Concat")
        : layer.Output.IsQuantized || layer.Inputs.Any(input => input!.IsQuantized || input.Layout != layer.Output.Layout) ? Verdict.No("needs dense operands in one layout") : Verdict.Yes;

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private const long BytesPerPart = 65536;

        private readonly OpLayer _layer;

        // Axes before the joined one in physical order.
        private readonly int[] _outer;

        public Runnable(OpLayer layer)
        {
            _layer = layer;
            var (rank, axis) = (layer.Output.Shape.Rank, ((Concat)layer.Op).Axis);
            if (axis < 0) axis += rank;
            var order = Enumerable.Range(0, rank);
            if (layer.Output.Layout == Layout.ChannelsLast) order = order.Where(at => at != 1).Append(1);
            _outer = [.. order.TakeWhile(at => at != axis)];
        }

        public override void Run(RunState state) => state.RunParallel(this, Parts(state));

        public void RunPart(RunState state, int part, int worker)
        {
            var (blocks, parts) = (Blocks(state), Parts(state));
            var (begin, end) = WorkSplit.Share(blocks, part, parts);
            var stride = _layer.Output.Bytes(state.Batch) / blocks;
            var to = state.Address(_layer.Output);
            foreach (var input in _layer.Inputs)
            {
                var bytes = input!.Bytes(state.Batch) / blocks;
                var from = state.Address(input);
                for (var block = begin; block < end; block++) Buffer.MemoryCopy(from + block * bytes, to + block * stride, bytes, bytes);
                to += bytes;
            }
        }

        private int Parts(RunState state) => Blocks(state) is var blocks && blocks == 0 ? 0 : (int)Math.Clamp(_layer.Output.Bytes(state.Batch) / BytesPerPart, 1, blocks);

        private long Blocks(RunState state)
        {
            long blocks = 1;
            foreach (var axis in _outer) blocks *= _layer.Output.Shape.Size(axis, state.Batch);
            return blocks;
        }
    }
}
