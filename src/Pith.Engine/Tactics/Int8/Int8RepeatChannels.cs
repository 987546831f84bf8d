using System.Runtime.CompilerServices;
using Pith.Building;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Pixels of 8-bit images with some of their channels once more, by runs of neighbouring channels.</summary>
internal sealed unsafe class Int8RepeatChannels : Tactic<OpLayer>
{
    public override string Name => "int8-repeat-channels";

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not RepeatChannels ? Verdict.NotFor("channels that are there twice")
        : layer.Inputs[0]!.IsQuantized && layer.Output.IsQuantized && layer.Op is RepeatChannels { Axis: 1 } ? Verdict.Yes : Verdict.No("needs 8-bit images");

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer.Inputs[0]!, layer.Output, (RepeatChannels)layer.Op);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private const int PixelsPerPart = 512;

        private readonly Slot _input;
        private readonly Slot _output;
        private readonly (int From, int To, int Count)[] _runs;

        public Runnable(Slot input, Slot output, RepeatChannels op)
        {
            (_input, _output) = (input, output);
            var runs = new List<(int From, int To, int Count)> { (0, 0, input.Channels) };
            foreach (var (i, channel) in op.Channels.Index())
            {
                if (runs.Count > 1 && runs[^1] is var last && last.From + last.Count == channel) runs[^1] = last with { Count = last.Count + 1 };
                else runs.Add((channel, input.Channels + i, 1));
            }
            _runs = [.. runs];
        }

        public override void Run(RunState state) => state.RunParallel(this, (int)((_output.Pixels(state.Batch) + PixelsPerPart - 1) / PixelsPerPart));

        public void RunPart(RunState state, int part, int worker)
        {
            var begin = (nint)part * PixelsPerPart;
            var end = Math.Min(begin + PixelsPerPart, (nint)_output.Pixels(state.Batch));
            for (var pixel = begin; pixel < end; pixel++)
            {
                var from = state.Address(_input) + pixel * _input.PixelBytes;
                var to = state.Address(_output) + pixel * _output.PixelBytes;
                foreach (var run in _runs) Unsafe.CopyBlockUnaligned(to + run.To, from + run.From, (uint)run.Count);
                new Span<byte>(to + _output.Channels, _output.PixelBytes - _output.Channels).Clear();
            }
        }
    }
}
