using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Sum and product of quantized tensors in vectors.</summary>
internal sealed unsafe class Int8Binary : Tactic<BinaryLayer>
{
    public override string Name => "int8-binary";

    protected override Verdict Accept(BinaryLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(BinaryLayer layer, Device device) => layer.Output.Bytes(1) / 4e9;

    protected override RunnableLayer Build(BinaryLayer layer, BuildResources resources) => resources.Device.Features.VectorBytes switch
    {
        64 => Create<Lanes512>(layer),
        32 => Create<Lanes256>(layer),
        _ => Create<Lanes128>(layer),
    };

    private static RunnableLayer Create<T>(BinaryLayer layer) where T : struct, ILanes<T> => layer.BroadcastsPixels ? new Broadcast<T>(layer) : new Flat<T>(layer);

    private sealed class Flat<T>(BinaryLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private readonly BinaryInt8<T> _kernel = new(layer);

        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Bytes.Count(layer.Output.Bytes(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (first, end) = WorkSplit.Bytes.Of(part, layer.Output.Bytes(state.Batch));
            _kernel.Flat(state.Address(layer.Left) + first, state.Address(layer.Right) + first, state.Address(layer.Output) + first, end - first);
        }
    }

    // A part is some rows of an image.
    private sealed class Broadcast<T>(BinaryLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private readonly BinaryInt8<T> _kernel = new(layer);
        private readonly int _rows = (int)Math.Clamp(WorkSplit.Bytes.Size / layer.Left.RowBytes, 1, layer.Left.Height);

        private int PartsPerImage => (layer.Left.Height + _rows - 1) / _rows;

        public override void Run(RunState state) => state.RunParallel(this, layer.Left.Shape.Size(0, state.Batch) * PartsPerImage);

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, first) = Math.DivRem(part, PartsPerImage);
            var row = first * _rows;
            var offset = layer.Left.PixelOffset(image, row, 0);
            var pixels = Math.Min(_rows, layer.Left.Height - row) * layer.Left.Width;
            _kernel.Shared(state.Address(layer.Left) + offset, state.Address(layer.Right) + image * layer.Right.ImageBytes, state.Address(layer.Output) + offset, pixels, layer.Output.PixelBytes);
        }
    }
}

/// <summary>Looks every byte up.</summary>
internal sealed unsafe class Int8Table : Tactic<TableLayer>
{
    public override string Name => "int8-table";

    protected override Verdict Accept(TableLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(TableLayer layer, Device device) => layer.Output.Bytes(1) / (TableInt8.IsVector(device.Features) ? 20e9 : 1.5e9);

    protected override RunnableLayer Build(TableLayer layer, BuildResources resources) => new Runnable(layer, resources.Copy(layer.Table.Span), TableInt8.IsVector(resources.Device.Features));

    private sealed class Runnable(TableLayer layer, byte* table, bool isVector) : RunnableLayer, IParallelBody
    {
        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Bytes.Count(layer.Output.Bytes(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (first, end) = WorkSplit.Bytes.Of(part, layer.Output.Bytes(state.Batch));
            TableInt8.Map(state.Address(layer.Input) + first, state.Address(layer.Output) + first, end - first, table, isVector);
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

    protected override RunnableLayer Build(ConcatLayer layer, BuildResources resources) => new Runnable(layer);

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
