using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float to bytes in vectors; images that come row-major are turned on the way, unless the bytes are row-major too.</summary>
internal sealed unsafe class Int8Quantize : Tactic<QuantizeLayer>
{
    public override string Name => "int8-quantize";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(QuantizeLayer layer, Device device) =>
        layer.Output.IsQuantized || layer.Input.Layout == Layout.RowMajor ? Verdict.Yes : Verdict.No("does not turn images that come channels-last");

    protected override double EstimateSeconds(QuantizeLayer layer, Device device) => layer.Output.Bytes(1) / 4e9;

    protected override RunnableLayer Build(QuantizeLayer layer, BuildResources resources)
    {
        // A matrix, or one pixel per image, is channels-last whatever it is called.
        var isTurned = layer.Output.IsQuantized && layer.Input.Layout == Layout.RowMajor && layer.Output.Height * layer.Output.Width > 1;
        return resources.Device.Features.VectorBytes switch
        {
            64 => Create<Lanes512>(layer, isTurned),
            32 => Create<Lanes256>(layer, isTurned),
            _ => Create<Lanes128>(layer, isTurned),
        };
    }

    private static RunnableLayer Create<T>(QuantizeLayer layer, bool isTurned) where T : struct, ILanes<T> =>
        !layer.Output.IsQuantized ? new Flat<T>(layer) : !isTurned ? new Pixels<T>(layer) : layer.Output.Channels == 3 ? new Planes<T>(layer) : new Turned<T>(layer);

    private sealed class Flat<T>(QuantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private readonly Quantizer<T> _quantizer = new(layer.To);

        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Elements.Count(layer.Output.Shape.Elements(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (begin, end) = WorkSplit.Elements.Of(part, layer.Output.Shape.Elements(state.Batch));
            var output = state.Address(layer.Output) + begin;
            ElementwiseInt8<T>.Quantize((float*)state.Address(layer.Input) + begin, output, end - begin, _quantizer, layer.To);
            if (layer.To.Type == DataType.Int8) StoredBytes.FlipSigns(output, output, end - begin);
        }
    }

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

    // Three channels: planes become pixels at once.
    private sealed class Planes<T>(QuantizeLayer layer) : RowLayer(layer.Output) where T : struct, ILanes<T>
    {
        private readonly Quantizer<T> _quantizer = new(layer.To);

        protected override void RunRows(RunState state, int image, int first, int end, int worker)
        {
            var (height, width) = (layer.Input.Height, layer.Input.Width);
            var input = (float*)state.Address(layer.Input) + (nint)image * 3 * height * width;
            for (var y = first; y < end; y++) PlanesToPixels<T>.Row(input + y * width, (nint)height * width, state.Address(layer.Output) + layer.Output.PixelOffset(image, y, 0), width, _quantizer, layer.To);
        }
    }

    // Some rows of each channel, which lie one after the other, are quantized to scratch, then interleaved.
    private sealed class Turned<T>(QuantizeLayer layer) : RowLayer(layer.Output) where T : struct, ILanes<T>
    {
        // What is quantized is still in the second-level cache when it is interleaved.
        private const int CloseBytes = 64 << 10;

        private readonly Quantizer<T> _quantizer = new(layer.To);
        private readonly int _rows = Math.Clamp(CloseBytes / (layer.Output.PixelBytes * layer.Output.Width), 1, layer.Output.Height);

        public override long ScratchBytes => (long)layer.Output.PixelBytes * layer.Output.Width * _rows;

        protected override void RunRows(RunState state, int image, int first, int end, int worker)
        {
            var (height, width, channels, pixelBytes) = (layer.Output.Height, layer.Output.Width, layer.Output.Channels, layer.Output.PixelBytes);
            var bytes = state.Scratch(worker);
            for (var band = first; band < end; band += _rows)
            {
                var bandEnd = Math.Min(band + _rows, end);
                var plane = (bandEnd - band) * width;
                var input = (float*)state.Address(layer.Input) + ((nint)image * channels * height + band) * width;
                for (var c = 0; c < channels; c++) ElementwiseInt8<T>.Quantize(input + (nint)c * height * width, bytes + (nint)c * plane, plane, _quantizer, layer.To);
                new Span<byte>(bytes + (nint)channels * plane, (pixelBytes - channels) * plane).Clear();
                for (var y = band; y < bandEnd; y++)
                    ChannelInterleave.Run(bytes + (y - band) * width, plane, width, pixelBytes, state.Address(layer.Output) + layer.Output.PixelOffset(image, y, 0));
            }
        }
    }
}

/// <summary>Bytes to float in vectors; channels-last bytes whose floats are row-major are turned on the way.</summary>
internal sealed unsafe class Int8Dequantize : Tactic<DequantizeLayer>
{
    public override string Name => "int8-dequantize";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(DequantizeLayer layer, Device device) =>
        layer.Input.IsQuantized || layer.Output.Layout == Layout.RowMajor ? Verdict.Yes : Verdict.No("does not turn bytes that come row-major");

    protected override double EstimateSeconds(DequantizeLayer layer, Device device) => layer.Input.Bytes(1) / 4e9;

    protected override RunnableLayer Build(DequantizeLayer layer, BuildResources resources) => resources.Device.Features.VectorBytes >= 32 ? Create<Lanes256>(layer) : Create<Lanes128>(layer);

    private static RunnableLayer Create<T>(DequantizeLayer layer) where T : struct, ILanes<T> =>
        !layer.Input.IsQuantized ? new Flat<T>(layer)
        : layer.Input.Layout == Layout.ChannelsLast && layer.Output is { Layout: Layout.RowMajor, Shape.Rank: > 2 } ? new Turned<T>(layer) : new Pixels<T>(layer);

    private sealed class Flat<T>(DequantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        // Bytes whose signs are flipped at once, and stay in the first-level cache.
        private const int BlockBytes = 4096;

        public override long ScratchBytes => layer.From.Type == DataType.Int8 ? BlockBytes : 0;

        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Elements.Count(layer.Input.Shape.Elements(state.Batch)));

        public void RunPart(RunState state, int part, int worker)
        {
            var (begin, end) = WorkSplit.Elements.Of(part, layer.Input.Shape.Elements(state.Batch));
            for (var at = begin; at < end; at += BlockBytes)
            {
                var count = Math.Min(BlockBytes, end - at);
                var input = state.Address(layer.Input) + at;
                if (layer.From.Type == DataType.Int8)
                {
                    StoredBytes.FlipSigns(input, state.Scratch(worker), count);
                    input = state.Scratch(worker);
                }
                ElementwiseInt8<T>.Dequantize(input, (float*)state.Address(layer.Output) + at, count, layer.From);
            }
        }
    }

    private sealed class Pixels<T>(DequantizeLayer layer) : RunnableLayer, IParallelBody where T : struct, ILanes<T>
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

    // The floats of some pixels are still in the cache when they are turned.
    private sealed class Turned<T> : RunnableLayer, IParallelBody where T : struct, ILanes<T>
    {
        private const int Elements = 8192;

        private readonly DequantizeLayer _layer;
        private readonly int _channels, _plane, _pixels;

        public Turned(DequantizeLayer layer)
        {
            (_layer, _channels) = (layer, layer.Input.Channels);
            _plane = checked((int)(layer.Input.Pixels(1) / Math.Max(1, layer.Input.Shape.Size(0, 1))));
            _pixels = Math.Max(WideTranspose.Tile, Elements / Math.Max(1, _channels) / WideTranspose.Tile * WideTranspose.Tile);
        }

        public override long ScratchBytes => (long)_pixels * _channels * sizeof(float);

        public override void Run(RunState state) => state.RunParallel(this, _layer.Input.Shape.Size(0, state.Batch) * EvenParts.Count(_plane, _pixels));

        public void RunPart(RunState state, int part, int worker)
        {
            var (image, unit) = Math.DivRem(part, EvenParts.Count(_plane, _pixels));
            var first = unit * _pixels;
            var count = Math.Min(_pixels, _plane - first);
            var pixelBytes = _layer.Input.PixelBytes;
            var input = state.Address(_layer.Input) + ((nint)image * _plane + first) * pixelBytes;
            var floats = (float*)state.Scratch(worker);
            if (_channels == pixelBytes) ElementwiseInt8<T>.Dequantize(input, floats, (long)count * _channels, _layer.From);
            else
                for (var p = 0; p < count; p++) ElementwiseInt8<T>.Dequantize(input + (nint)p * pixelBytes, floats + (nint)p * _channels, _channels, _layer.From);
            var output = (float*)state.Address(_layer.Output) + (nint)image * _channels * _plane + first;
            TransposedCopy.Run<float>((byte*)floats, (nint)_channels * sizeof(float), (byte*)output, (nint)_plane * sizeof(float), count, _channels);
        }
    }
}
