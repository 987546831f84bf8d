using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The gradient of a float convolution with respect to its input, as convolutions of stride 1, with the gradient of another branch added. Weights are packed at each run.</summary>
internal sealed unsafe class Fp32ConvInputGradient : Tactic<TrainingLayer>
{
    public override string Name => "fp32-conv-input-gradient";

    protected override Verdict Accept(TrainingLayer layer, Device device) =>
        layer.Op is not ConvInputGradient ? Verdict.NotFor("ConvInputGradient")
        : layer.Gate is not null || layer.Activation.Kind != ActivationKind.None ? Verdict.No("has no gate or activation") : Verdict.Yes;

    protected override double EstimateSeconds(TrainingLayer layer, Device device) => Fp32Cost.Seconds(layer, device);

    protected override RunnableLayer Build(TrainingLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly TrainingLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly ConvGeometry _geometry;
        private readonly ParallelBody _pack;

        public Runnable(TrainingLayer layer, BuildResources resources)
        {
            var op = (ConvInputGradient)layer.Op;
            _layer = layer;
            _isa = resources.Device.Features;
            _pack = new ParallelBody(PackWeights);
            _geometry = Geometries.Of(Windows.Of(op.Window.Resolve(layer.Output.Shape.FixedFrom(2), layer.Inputs[1]!.Shape.FixedFrom(2))), op.Groups);
            var args = Template(resources.MaxBatch);
            SharedScratchBytes = ConvInputGradFp32.PackedFloats(&args) * sizeof(float);
            ScratchBytes = ConvInputGradFp32.WorkspaceFloats(&args) * sizeof(float);
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(_pack, ConvInputGradFp32.PackItems(&args));
            state.RunParallel(this, ConvInputGradFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            ConvInputGradFp32.Run(&args, part, part + 1, (float*)state.Scratch(worker));
        }

        // Everything but addresses.
        private ConvInputGradFp32Args Template(int batch) => new()
        {
            DY = FeatureMaps.Of(_layer.Inputs[0]!, batch),
            DX = FeatureMaps.Of(_layer.Output, batch),
            Geometry = _geometry,
            Isa = _isa,
        };

        private ConvInputGradFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.DY.Data = (float*)state.Address(_layer.Inputs[0]!);
            args.DX.Data = (float*)state.Address(_layer.Output);
            args.PackedWeights = (float*)state.SharedScratch;
            if (_layer.Residual is not { } residual) return args;
            args.Residual = args.DX;
            args.Residual.Data = (float*)state.Address(residual);
            return args;
        }

        private void PackWeights(RunState state, int part, int worker)
        {
            var args = Args(state);
            ConvInputGradFp32.Pack(&args, (float*)state.Address(_layer.Inputs[1]!), part, part + 1);
        }
    }
}
