using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The gradient of a float convolution with respect to its weights: a number of partial sums that the shape alone decides, added in order.</summary>
internal sealed unsafe class Fp32ConvWeightGradient : Tactic<OpLayer>
{
    public override string Name => "fp32-conv-weight-gradient";

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not ConvWeightGradient ? Verdict.NotFor("ConvWeightGradient") : layer.Output.Shape.Rank != 4 ? Verdict.NotFor("images") : Verdict.Yes;

    protected override double EstimateSeconds(OpLayer layer, Device device) => Fp32Cost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly OpLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly ConvGeometry _geometry;
        private readonly ParallelBody _reduce;

        public Runnable(OpLayer layer, BuildResources resources)
        {
            var op = (ConvWeightGradient)layer.Op;
            _layer = layer;
            _isa = resources.Device.Features;
            _reduce = new ParallelBody(Reduce);
            _geometry = Geometries.Of(Windows.Of(op.Window.Resolve(layer.Inputs[1]!.Shape.FixedFrom(2), op.Window.KernelShape.Span)), op.Groups);
            var args = Template(resources.MaxBatch);
            SharedScratchBytes = ConvWeightGradFp32.PartialFloats(&args) * sizeof(float);
            ScratchBytes = ConvWeightGradFp32.WorkspaceFloats(&args) * sizeof(float);
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, ConvWeightGradFp32.AccumulateItems(&args));
            state.RunParallel(_reduce, ConvWeightGradFp32.ReduceItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            ConvWeightGradFp32.Accumulate(&args, part, part + 1, (float*)state.Scratch(worker));
        }

        // Everything but addresses.
        private ConvWeightGradFp32Args Template(int batch) => new()
        {
            DY = FeatureMaps.Of(_layer.Inputs[0]!, batch),
            X = FeatureMaps.Of(_layer.Inputs[1]!, batch),
            Geometry = _geometry,
            Isa = _isa,
        };

        private ConvWeightGradFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.DY.Data = (float*)state.Address(_layer.Inputs[0]!);
            args.X.Data = (float*)state.Address(_layer.Inputs[1]!);
            args.DW = (float*)state.Address(_layer.Output);
            args.Partials = (float*)state.SharedScratch;
            return args;
        }

        private void Reduce(RunState state, int part, int worker)
        {
            var args = Args(state);
            ConvWeightGradFp32.Reduce(&args, part, part + 1);
        }
    }
}
