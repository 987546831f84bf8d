using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>How element-wise layers are cut into parts.</summary>
internal static class ElementwiseParts
{
    /// <summary>Bytes of one part: some microseconds of work, and a cache line's multiple.</summary>
    public const long Bytes = 32 << 10;

    public static int Count(long bytes) => checked((int)((bytes + Bytes - 1) / Bytes));

    public static (long First, long Count) Range(int part, long bytes) => (part * Bytes, Math.Min(Bytes, bytes - part * Bytes));
}

/// <summary>Sum and product of quantized tensors in vectors.</summary>
internal sealed unsafe class Int8Binary : Tactic<BinaryLayer>
{
    public override string Name => "int8-binary";

    protected override Verdict Accept(BinaryLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(BinaryLayer layer, Device device) => layer.Output.Bytes(1) / 4e9;

    protected override RunnableLayer Build(BinaryLayer layer, BuildResources resources)
    {
        resources.KeepConstant(layer.Left);
        resources.KeepConstant(layer.Right);
        return (layer.BroadcastsPixels, resources.Device.Isa >= IsaLevel.Avx2) switch
        {
            (false, true) => new Flat<Lanes256>(layer),
            (false, false) => new Flat<Lanes128>(layer),
            (true, true) => new Broadcast<Lanes256>(layer),
            (true, false) => new Broadcast<Lanes128>(layer),
        };
    }

    private sealed class Flat<T>(BinaryLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        public override void Run(RunState state) => state.RunParallel(this, ElementwiseParts.Count(layer.Output.Bytes(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (first, count) = ElementwiseParts.Range(part, layer.Output.Bytes(state.Batch));
            ElementwiseInt8<T>.Binary(layer, state.Address(layer.Left) + first, state.Address(layer.Right) + first, state.Address(layer.Output) + first, count);
        }
    }

    // A part is a row of an image.
    private sealed class Broadcast<T>(BinaryLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private int Rows => layer.Left.Shape.Dims[2];

        private int Columns => layer.Left.Shape.Dims[3];

        public override void Run(RunState state) => state.RunParallel(this, layer.Left.Shape.Size(0, state.Batch) * Rows);

        public void RunPart(RunState state, int part, int worker)
        {
            var pixelBytes = layer.Output.PixelBytes;
            var right = state.Address(layer.Right) + (nint)(part / Rows) * pixelBytes;
            var first = (nint)part * Columns * pixelBytes;
            var left = state.Address(layer.Left) + first;
            var output = state.Address(layer.Output) + first;
            for (var x = 0; x < Columns; x++, left += pixelBytes, output += pixelBytes) ElementwiseInt8<T>.Binary(layer, left, right, output, pixelBytes);
        }
    }
}

/// <summary>Looks every byte up.</summary>
internal sealed unsafe class Int8Table : Tactic<TableLayer>
{
    public override string Name => "int8-table";

    protected override Verdict Accept(TableLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(TableLayer layer, Device device) => layer.Output.Bytes(1) / 2e9;

    protected override RunnableLayer Build(TableLayer layer, BuildResources resources) => new Runnable(layer, resources.Copy(layer.Table.Span));

    private sealed class Runnable(TableLayer layer, byte* table) : RunnableLayer, IParallelBody
    {
        public override void Run(RunState state) => state.RunParallel(this, ElementwiseParts.Count(layer.Output.Bytes(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (first, count) = ElementwiseParts.Range(part, layer.Output.Bytes(state.Batch));
            var input = state.Address(layer.Input) + first;
            var output = state.Address(layer.Output) + first;
            for (long i = 0; i < count; i++) output[i] = table[input[i]];
        }
    }
}

/// <summary>Joins channels pixel by pixel.</summary>
internal sealed unsafe class Int8Concat : Tactic<ConcatLayer>
{
    private const int PartPixels = 256;

    public override string Name => "int8-concat";

    protected override Verdict Accept(ConcatLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(ConcatLayer layer, Device device) => layer.Output.Bytes(1) / 5e9;

    protected override RunnableLayer Build(ConcatLayer layer, BuildResources resources)
    {
        foreach (var input in layer.Inputs) resources.KeepConstant(input);
        return new Runnable(layer);
    }

    private sealed class Runnable(ConcatLayer layer) : RunnableLayer, IParallelBody
    {
        public override void Run(RunState state) => state.RunParallel(this, checked((int)((layer.Output.Pixels(state.Batch) + PartPixels - 1) / PartPixels)));

        public void RunPart(RunState state, int part, int worker)
        {
            var first = (long)part * PartPixels;
            var end = Math.Min(first + PartPixels, layer.Output.Pixels(state.Batch));
            var channel = 0;
            foreach (var input in layer.Inputs)
            {
                var from = state.Address(input!) + first * input!.PixelBytes;
                var to = state.Address(layer.Output) + first * layer.Output.PixelBytes + channel;
                for (var p = first; p < end; p++, from += input.PixelBytes, to += layer.Output.PixelBytes) Buffer.MemoryCopy(from, to, input.Channels, input.Channels);
                channel += input.Channels;
            }
        }
    }
}
