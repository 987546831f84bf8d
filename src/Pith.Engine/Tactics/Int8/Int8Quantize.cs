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
        return (isTurned, resources.Device.Isa >= IsaLevel.Avx2) switch
        {
            (true, true) => new Turned<Lanes256>(layer),
            (true, false) => new Turned<Lanes128>(layer),
            (false, true) => new Pixels<Lanes256>(layer),
            (false, false) => new Pixels<Lanes128>(layer),
        };
    }

    private sealed class Pixels<T>(QuantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private const int PartPixels = 256;

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
                ElementwiseInt8<T>.Quantize(input, output, count * channels, layer.To);
                return;
            }
            for (var p = 0; p < count; p++, input += channels, output += pixelBytes) ElementwiseInt8<T>.Quantize(input, output, channels, layer.To);
        }
    }

    // A part is a row of an image: each channel's row is quantized to scratch, then the rows are interleaved.
    private sealed class Turned<T>(QuantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private int Height => layer.Input.Shape.Dims[2];

        private int Width => layer.Input.Shape.Dims[3];

        public override long ScratchBytes => (long)layer.Output.PixelBytes * Width;

        public override void Run(RunState state) => state.RunParallel(this, layer.Input.Shape.Size(0, state.Batch) * Height);

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, y) = Math.DivRem(part, Height);
            var (channels, pixelBytes) = (layer.Output.Channels, layer.Output.PixelBytes);
            var input = (float*)state.Address(layer.Input) + ((nint)image * channels * Height + y) * Width;
            var rows = state.Scratch(worker);
            for (var c = 0; c < channels; c++) ElementwiseInt8<T>.Quantize(input + (nint)c * Height * Width, rows + (nint)c * Width, Width, layer.To);
            new Span<byte>(rows + (nint)channels * Width, (pixelBytes - channels) * Width).Clear();
            Interleave(rows, state.Address(layer.Output) + layer.Output.PixelOffset(image, y, 0));
        }

        private void Interleave(byte* rows, byte* output)
        {
            for (var first = 0; first < layer.Output.PixelBytes; first += 4)
            {
                byte* r0 = rows + (nint)first * Width, r1 = r0 + Width, r2 = r1 + Width, r3 = r2 + Width;
                var to = output + first;
                for (var x = 0; x < Width; x++, to += layer.Output.PixelBytes) *(uint*)to = r0[x] | (uint)r1[x] << 8 | (uint)r2[x] << 16 | (uint)r3[x] << 24;
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
