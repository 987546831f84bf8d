using Pith.Building;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Gather of any type: embeddings picked by token ids that a run computes or is given, and single parts of a tensor. What follows the axis is copied as one block for each index.</summary>
internal sealed unsafe class RowGather : Tactic<OpLayer>
{
    public override string Name => "row-gather";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not Gather) return Verdict.NotFor("Gather");
        if (layer.Inputs[0]!.Layout != Layout.RowMajor || layer.Inputs[1]!.Layout != Layout.RowMajor || layer.Output.Layout != Layout.RowMajor) return Verdict.NotFor("row-major tensors");
        return layer.Inputs[0]!.Shape.IsEmpty ? Verdict.No("has nothing to pick from") : Verdict.Yes;
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer);

    private sealed class Runnable(OpLayer layer) : RunnableLayer, IParallelBody
    {
        private const int BytesPerPart = 32768;

        private readonly Slot _data = layer.Inputs[0]!, _indices = layer.Inputs[1]!;
        private readonly int _axis = ((Gather)layer.Op).Axis is var axis && axis < 0 ? axis + layer.Inputs[0]!.Shape.Rank : axis;

        public override void Run(RunState state) => state.RunParallel(this, Parts(state.Batch));

        public void RunPart(RunState state, int part, int worker)
        {
            var (block, count, size) = (BlockBytes(state.Batch), Count(state.Batch), _data.Shape.Size(_axis, state.Batch));
            byte* x = (byte*)state.Address(_data), y = (byte*)state.Address(layer.Output);
            void* indices = (void*)state.Address(_indices);
            var (first, end) = WorkSplit.Share(Blocks(state.Batch), part, Parts(state.Batch));
            for (var i = first; i < end; i++)
            {
                var (outer, at) = Math.DivRem((long)i, count);
                var index = _indices.DataType == DataType.Int32 ? ((int*)indices)[at] : ((long*)indices)[at];
                if (index < -size || index >= size) throw new PithException($"Gather '{layer.Name}': the index {index} is outside an axis of size {size}.");
                Buffer.MemoryCopy(x + (outer * size + (index < 0 ? index + size : index)) * block, y + i * block, block, block);
            }
        }

        private int Parts(int batch) => (int)Math.Clamp(Blocks(batch) * (double)BlockBytes(batch) / BytesPerPart, 1, 64);

        private int Blocks(int batch) => checked((int)(Product(_data, 0, _axis, batch) * Count(batch)));

        private long Count(int batch) => _indices.Shape.Elements(batch);

        private long BlockBytes(int batch) => Product(_data, _axis + 1, _data.Shape.Rank, batch) * _data.DataType.SizeInBytes();

        private static long Product(Slot slot, int from, int to, int batch)
        {
            var product = 1L;
            for (var axis = from; axis < to; axis++) product *= slot.Shape.Size(axis, batch);
            return product;
        }
    }
}
