using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Sums over everything but the channels, as gradients of biases are: of images channels-last, or of the columns of a matrix.</summary>
internal sealed unsafe class Fp32ChannelSum : Tactic<OpLayer>
{
    public override string Name => "fp32-channel-sum";

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not ReduceSum sum || layer.Output.DataType != DataType.Float32) return Verdict.NotFor("float ReduceSum");
        var (x, axes) = (layer.Inputs[0]!, sum.Axes.Select(axis => axis < 0 ? axis + layer.Inputs[0]!.Shape.Rank : axis).Order());
        var isOfColumns = x.Shape.Rank == 2 && axes.SequenceEqual([0]);
        var isOfImages = x is { Layout: Layout.ChannelsLast, Shape.Rank: 4 } && axes.SequenceEqual([0, 2, 3]);
        return isOfColumns || isOfImages ? Verdict.Yes : Verdict.No("sums over all axes but the channels");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer.Inputs[0]!, layer.Output, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly Slot _input;
        private readonly Slot _output;
        private readonly CpuFeatures _isa;

        public Runnable(Slot input, Slot output, BuildResources resources)
        {
            (_input, _output, _isa) = (input, output, resources.Device.Features);
            var args = Template(resources.MaxBatch);
            SharedScratchBytes = ChannelSumFp32.PartialFloats(&args) * sizeof(float);
        }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, ChannelSumFp32.Items(&args));
            ChannelSumFp32.Combine(&args);
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            ChannelSumFp32.Accumulate(&args, part, part + 1);
        }

        // Everything but addresses.
        private ChannelSumFp32Args Template(int batch) => new() { Pixels = (nint)_input.Pixels(batch), Channels = _input.Channels, X = null, Sums = null, Isa = _isa };

        private ChannelSumFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.X = (float*)state.Address(_input);
            args.Sums = (float*)state.Address(_output);
            args.Partials = (float*)state.SharedScratch;
            return args;
        }
    }
}
