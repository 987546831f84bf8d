using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float to bytes in vectors; images that come row-major are turned on the way.</summary>
internal sealed unsafe class Int8Quantize : Tactic<QuantizeLayer>
{
    public override string Name => "int8-quantize";

    protected override Verdict Accept(QuantizeLayer layer, Device device) =>
        layer.Output.IsQuantized ? Verdict.Yes : Verdict.No("writes channels-last bytes only");

    protected override double EstimateSeconds(QuantizeLayer layer, Device device) => layer.Output.Bytes(1) / 4e9;

    protected override RunnableLayer Build(QuantizeLayer layer, BuildResources resources)
    {
        resources.KeepConstant(layer.Input);
        // A matrix, or one pixel per image, is channels-last whatever it is called.
        var isTurned = layer.Input.Layout == Layout.RowMajor && layer.Input.Shape.Rank == 4 && layer.Input.Shape.Dims[2] * layer.Input.Shape.Dims[3] > 1;
        return resources.Device.Isa switch
        {
            >= IsaLevel.Avx512Vnni => Create<Lanes512>(layer, isTurned),
            >= IsaLevel.Avx2 => Create<Lanes256>(layer, isTurned),
            _ => Create<Lanes128>(layer, isTurned),
        };
    }

    private static RunnableLayer Create<T>(QuantizeLayer layer, bool isTurned) where T : struct, ILanes<T> => isTurned ? new Turned<T>(layer) : new Pixels<T>(layer);

    private sealed class Pixels<T>(QuantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private const int PartPixels = 256;

        private readonly Quantizer<T> _quantizer = new(layer.To);

        public override void Run(RunState state) => state.RunParallel(this, checked((int)((layer.Output.Pixels(state.Batch) + PartPixels - 1) / PartPixels)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (channels, pixelBytes) = (layer.Output.Channels, layer.Output.PixelBytes);
            var first = (long)part * PartPixels;
            var count = Math.Min(PartPixels, layer.Output.Pixels(state.Batch) - first);
            var input = (float*)state.Address(layer.Input) + first * channels;
            var output = state.Address(layer.Output) + first * pixelBytes;
            if (channels == pixelBytes)
            {
                ElementwiseInt8<T>.Quantize(input, output, count * channels, _quantizer, layer.To);
                return;
            }
            for (var p = 0; p < count; p++, input += channels, output += pixelBytes) ElementwiseInt8<T>.Quantize(input, output, channels, _quantizer, layer.To);
        }
    }

    // A part is some rows of an image: each channel's row is quantized to scratch, then the rows are interleaved.
    private sealed class Turned<T>(QuantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private const int PartPixels = 2048;

        private readonly Quantizer<T> _quantizer = new(layer.To);
        private readonly int _rows = Math.Clamp(PartPixels / layer.Input.Width, 1, layer.Input.Height);

        private int Height => layer.Input.Height;

        private int Width => layer.Input.Width;

        private int PartsPerImage => (Height + _rows - 1) / _rows;

        public override long ScratchBytes => (long)layer.Output.PixelBytes * Width;

        public override void Run(RunState state) => state.RunParallel(this, layer.Input.Shape.Size(0, state.Batch) * PartsPerImage);

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, first) = Math.DivRem(part, PartsPerImage);
            var (channels, pixelBytes) = (layer.Output.Channels, layer.Output.PixelBytes);
            var rows = state.Scratch(worker);
            new Span<byte>(rows + (nint)channels * Width, (pixelBytes - channels) * Width).Clear();
            for (var y = first * _rows; y < Math.Min(Height, (first + 1) * _rows); y++)
            {
                var input = (float*)state.Address(layer.Input) + ((nint)image * channels * Height + y) * Width;
                for (var c = 0; c < channels; c++) ElementwiseInt8<T>.Quantize(input + (nint)c * Height * Width, rows + (nint)c * Width, Width, _quantizer, layer.To);
                ChannelInterleave.Run(rows, Width, pixelBytes, state.Address(layer.Output) + layer.Output.PixelOffset(image, y, 0));
            }
        }
    }
}

/// <summary>Bytes to float in vectors.</summary>
internal sealed unsafe class Int8Dequantize : Tactic<DequantizeLayer>
{
    public override string Name => "int8-dequantize";

    protected override Verdict Accept(DequantizeLayer layer, Device device) =>
        layer.Input.IsQuantized ? Verdict.Yes : Verdict.No("reads channels-last bytes only");

    protected override double EstimateSeconds(DequantizeLayer layer, Device device) => layer.Input.Bytes(1) / 4e9;

    protected override RunnableLayer Build(DequantizeLayer layer, BuildResources resources)
    {
        resources.KeepConstant(layer.Input);
        return resources.Device.Isa >= IsaLevel.Avx2 ? new Runnable<Lanes256>(layer) : new Runnable<Lanes128>(layer);
    }

    private sealed class Runnable<T>(DequantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private const int PartPixels = 256;

        public override void Run(RunState state) => state.RunParallel(this, checked((int)((layer.Input.Pixels(state.Batch) + PartPixels - 1) / PartPixels)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (channels, pixelBytes) = (layer.Input.Channels, layer.Input.PixelBytes);
            var first = (long)part * PartPixels;
            var count = Math.Min(PartPixels, layer.Input.Pixels(state.Batch) - first);
            var input = state.Address(layer.Input) + first * pixelBytes;
            var output = (float*)state.Address(layer.Output) + first * channels;
            if (channels == pixelBytes)
            {
                ElementwiseInt8<T>.Dequantize(input, output, count * channels, layer.From);
                return;
            }
            for (var p = 0; p < count; p++, input += pixelBytes, output += channels) ElementwiseInt8<T>.Dequantize(input, output, channels, layer.From);
        }
    }
}
