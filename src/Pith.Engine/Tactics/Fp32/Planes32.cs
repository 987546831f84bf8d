using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Images with few channels of 32-bit elements become channels-last, row by row: inputs of networks.</summary>
internal sealed unsafe class Planes32 : Tactic<ReorderLayer>
{
    public override string Name => "interleave-32bit";

    protected override Verdict Accept(ReorderLayer layer, Device device) =>
        layer.Output is { Layout: Layout.ChannelsLast, Shape.Rank: 4, Channels: <= InterleavedPlanes.Most } && layer.Output.DataType.SizeInBytes() == 4
            ? Verdict.Yes : Verdict.NotFor($"images of at most {InterleavedPlanes.Most} channels of 32-bit elements that become channels-last");

    protected override double EstimateSeconds(ReorderLayer layer, Device device) => StreamCost.Seconds(layer, device) / 2;

    protected override RunnableLayer Build(ReorderLayer layer, BuildResources resources) => new Runnable(layer, resources.Device.Features);

    private sealed class Runnable(ReorderLayer layer, CpuFeatures isa) : RowLayer(layer.Output)
    {
        protected override void RunRows(RunState state, int image, int first, int end, int worker)
        {
            var (output, width) = (layer.Output, layer.Output.Width);
            var plane = (nint)output.Height * width;
            var from = (uint*)state.Address(layer.Input) + image * output.Channels * plane;
            for (var row = first; row < end; row++) InterleavedPlanes.Run(from + row * width, plane, (uint*)(state.Address(output) + output.PixelOffset(image, row, 0)), output.Channels, width, isa);
        }
    }
}
