using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Int8;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Bytes to bytes by a table for each channel, and channels-last on the way.</summary>
internal sealed unsafe class Int8PixelTable : Tactic<PixelTableLayer>
{
    public override string Name => "int8-pixel-table";

    protected override Verdict Accept(PixelTableLayer layer, Device device) => layer.Output.IsQuantized ? Verdict.Yes : Verdict.No("writes bytes only");

    protected override double EstimateSeconds(PixelTableLayer layer, Device device) => layer.Output.Bytes(1) / 4e9;

    protected override RunnableLayer Build(PixelTableLayer layer, BuildResources resources)
    {
        if (PixelTableVbmi.Fits(layer.Output.Channels, layer.Output.Width, resources.Device.Features)) return new Vectors(layer, resources.Copy<byte>(PixelTableVbmi.Constants(layer.Tables.Bytes)));
        var tables = resources.Copy<uint>(PixelTableInt8.Shifted(layer.Tables.As<byte>().Data));
        return new Scalar(layer, new PixelTableInt8 { Tables = tables, Channels = layer.Output.Channels, PixelBytes = layer.Output.PixelBytes, ChannelStride = layer.ChannelStride, PixelStride = layer.PixelStride });
    }

    private sealed class Scalar(PixelTableLayer layer, PixelTableInt8 kernel) : RowLayer(layer.Output)
    {
        protected override void RunRows(RunState state, int image, int first, int end, int worker)
        {
            for (var y = first; y < end; y++) kernel.Row(state.Address(layer.Input) + layer.RowOffset(image, y), state.Address(layer.Output) + layer.Output.PixelOffset(image, y, 0), layer.Output.Width);
        }
    }

    private sealed class Vectors(PixelTableLayer layer, byte* constants) : RowLayer(layer.Output)
    {
        protected override void RunRows(RunState state, int image, int first, int end, int worker)
        {
            var output = layer.Output;
            PixelTableVbmi.Rows(state.Address(layer.Input) + layer.RowOffset(image, first), layer.IsInterleaved ? 0 : layer.ChannelStride, constants, state.Address(output) + output.PixelOffset(image, first, 0), output.RowBytes, output.Width, end - first);
        }
    }
}
