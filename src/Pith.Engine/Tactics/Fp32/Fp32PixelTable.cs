using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Bytes to floats by a table for each channel, and channels-last on the way.</summary>
internal sealed unsafe class Fp32PixelTable : Tactic<PixelTableLayer>
{
    public override string Name => "fp32-pixel-table";

    protected override Verdict Accept(PixelTableLayer layer, Device device) =>
        layer.Output is { DataType: DataType.Float32, Layout: Layout.ChannelsLast } ? Verdict.Yes : Verdict.No("writes channels-last floats only");

    protected override double EstimateSeconds(PixelTableLayer layer, Device device) => layer.Output.Bytes(1) / 8e9;

    protected override RunnableLayer Build(PixelTableLayer layer, BuildResources resources) => new Runnable(layer, resources.Copy<float>(layer.Tables.As<float>().Data));

    private sealed class Runnable(PixelTableLayer layer, float* tables) : RowLayer(layer.Output)
    {
        protected override void RunRows(RunState state, int image, int first, int end, int worker)
        {
            for (var y = first; y < end; y++) Row(state.Address(layer.Input) + layer.RowOffset(image, y), (float*)(state.Address(layer.Output) + layer.Output.PixelOffset(image, y, 0)));
        }

        private void Row(byte* from, float* to)
        {
            var (channels, width, channelStride, pixelStride) = (layer.Output.Channels, layer.Output.Width, layer.ChannelStride, layer.PixelStride);
            for (var x = 0; x < width; x++, from += pixelStride)
                for (var c = 0; c < channels; c++) *to++ = tables[256 * c + from[c * channelStride]];
        }
    }
}
