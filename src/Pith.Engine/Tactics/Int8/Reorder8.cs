using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>8-bit values between row-major, as ONNX has them, and channels-last, padded and unsigned: a transpose of channels and pixels for each image.</summary>
internal sealed unsafe class Reorder8 : Tactic<ReorderLayer>
{
    public override string Name => "reorder-8bit";

    protected override Verdict Accept(ReorderLayer layer, Device device) =>
        !layer.Input.DataType.IsQuantized() || !layer.Input.Border.IsEmpty || !layer.Output.Border.IsEmpty ? Verdict.NotFor("8-bit values without border")
        : layer.Input.Layout == Layout.RowMajor || layer.Output.Layout == Layout.RowMajor ? Verdict.Yes : Verdict.No("has a row-major side");

    protected override double EstimateSeconds(ReorderLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(ReorderLayer layer, BuildResources resources) => new Runnable(layer.Input, layer.Output);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private const long BytesPerPart = 32768;

        // A unit is this many pixels of all channels to channels-last, whose pixels are flipped and padded as a block, and of a cache line of channels to row-major.
        private const int LineBytes = 64, UnitBytes = 16384;

        private readonly Slot _input;
        private readonly Slot _output;
        private readonly Slot _channelsLast;
        private readonly int _unitChannels;
        private readonly int _unitPixels;

        public Runnable(Slot input, Slot output)
        {
            (_input, _output) = (input, output);
            _channelsLast = output.IsQuantized ? output : input;
            _unitChannels = output.IsQuantized ? Math.Max(1, output.Channels) : LineBytes;
            _unitPixels = (UnitBytes / _unitChannels + LineBytes) / LineBytes * LineBytes;
        }

        private bool IsSigned => _input.DataType == DataType.Int8;

        public override void Run(RunState state) => state.RunParallel(this, Parts(state));

        public void RunPart(RunState state, int part, int worker)
        {
            var (channels, pixels) = (_channelsLast.Channels, Pixels(state));
            var (channelUnits, pixelUnits) = (EvenParts.Count(channels, _unitChannels), EvenParts.Count(pixels, _unitPixels));
            var (units, parts) = (Units(state), Parts(state));
            var (first, end) = WorkSplit.Share(units, part, parts);
            for (var unit = first; unit < end; unit++)
            {
                var (rest, channelUnit) = Math.DivRem(unit, channelUnits);
                var (image, pixelUnit) = Math.DivRem(rest, pixelUnits);
                int channel = (int)channelUnit * _unitChannels, pixel = (int)pixelUnit * _unitPixels;
                var rowMajor = ((nint)image * channels + channel) * pixels + pixel;
                var channelsLast = ((nint)image * pixels + pixel) * _channelsLast.PixelBytes + channel;
                var (unitChannels, unitPixels) = (Math.Min(_unitChannels, channels - channel), Math.Min(_unitPixels, pixels - pixel));
                if (_output.IsQuantized) ToChannelsLast(state.Address(_input) + rowMajor, pixels, state.Address(_output) + channelsLast, unitPixels);
                else ToRowMajor(state.Address(_input) + channelsLast, state.Address(_output) + rowMajor, pixels, unitChannels, unitPixels);
            }
        }

        private void ToChannelsLast(byte* from, int plane, byte* to, int pixels)
        {
            var (channels, pixelBytes) = (_output.Channels, _output.PixelBytes);
            if (plane == 1) Buffer.MemoryCopy(from, to, channels, channels);
            else TransposedCopy.Run<byte>(from, plane, to, pixelBytes, channels, pixels);
            if (IsSigned) StoredBytes.FlipSigns(to, to, (long)pixels * pixelBytes);
            if (channels < pixelBytes)
                for (var p = 0; p < pixels; p++, to += pixelBytes) new Span<byte>(to + channels, pixelBytes - channels).Clear();
        }

        private void ToRowMajor(byte* from, byte* to, int plane, int channels, int pixels)
        {
            if (plane == 1) Buffer.MemoryCopy(from, to, channels, channels);
            else TransposedCopy.Run<byte>(from, _input.PixelBytes, to, plane, pixels, channels);
            if (!IsSigned) return;
            if (plane == 1) StoredBytes.FlipSigns(to, to, channels);
            else
                for (var c = 0; c < channels; c++, to += plane) StoredBytes.FlipSigns(to, to, pixels);
        }

        // Tokens are images of one pixel.
        private long Images(RunState state) => _channelsLast.Layout == Layout.Tokens ? _channelsLast.Pixels(state.Batch) : _channelsLast.Shape.Size(0, state.Batch);

        private int Pixels(RunState state) => checked((int)(_channelsLast.Pixels(state.Batch) / Math.Max(1, Images(state))));

        private long Units(RunState state) => Images(state) * EvenParts.Count(_channelsLast.Channels, _unitChannels) * EvenParts.Count(Pixels(state), _unitPixels);

        private int Parts(RunState state) => (int)Math.Min(Units(state), (_channelsLast.Bytes(state.Batch) + BytesPerPart - 1) / BytesPerPart);
    }
}
