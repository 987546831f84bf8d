using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The gradient of batch normalization: sums over chunks of pixels, combined in order, then the gradient of every element.</summary>
internal sealed unsafe class Fp32BatchNormGradient : Tactic<TrainingLayer>
{
    public override string Name => "fp32-batch-norm-gradient";

    protected override Verdict Accept(TrainingLayer layer, Device device) =>
        layer.Op is not BatchNormGradient ? Verdict.NotFor("BatchNormGradient")
        : layer.Residual is not null || layer.Activation.Kind != ActivationKind.None ? Verdict.No("has no epilogue") : Verdict.Yes;

    protected override double EstimateSeconds(TrainingLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(TrainingLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly TrainingLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly BatchNormGradient _op;
        private readonly ParallelBody _propagate;

        public Runnable(TrainingLayer layer, BuildResources resources)
        {
            _layer = layer;
            _isa = resources.Device.Features;
            _op = (BatchNormGradient)layer.Op;
            _propagate = new ParallelBody(Propagate);
            var args = Template(resources.MaxBatch);
            SharedScratchBytes = BatchNormGradFp32.PartialFloats(&args) * sizeof(float);
        }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, BatchNormGradFp32.Items(&args));
            BatchNormGradFp32.Combine(&args);
            if (!_op.FrozenStatistics) state.Statistics?.AverageGradients(new Span<float>(args.DGamma, args.Channels), new Span<float>(args.DBeta, args.Channels));
            state.RunParallel(_propagate, BatchNormGradFp32.Items(&args), descending: true);
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            BatchNormGradFp32.Accumulate(&args, part, part + 1);
        }

        // Everything but addresses.
        private BatchNormGradFp32Args Template(int batch) => new()
        {
            Pixels = (nint)_layer.Output.Pixels(batch),
            Channels = _layer.Output.Channels,
            DY = null,
            X = null,
            DX = null,
            Gamma = null,
            Mean = null,
            Variance = null,
            DGamma = null,
            DBeta = null,
            Epsilon = _op.Epsilon,
            Isa = _isa,
            FrozenStatistics = _op.FrozenStatistics ? 1 : 0,
        };

        private BatchNormGradFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.DY = (float*)state.Address(_layer.Inputs[0]!);
            args.X = (float*)state.Address(_layer.Inputs[1]!);
            args.Gamma = (float*)state.Address(_layer.Inputs[2]!);
            args.Mean = (float*)state.Address(_layer.Inputs[3]!);
            args.Variance = (float*)state.Address(_layer.Inputs[4]!);
            args.DX = (float*)state.Address(_layer.Outputs[0]);
            args.DGamma = (float*)state.Address(_layer.Outputs[1]);
            args.DBeta = (float*)state.Address(_layer.Outputs[2]);
            args.Partials = (float*)state.SharedScratch;
            if (_layer.Gate is { } gate)
            {
                if (_layer.GateIsBeta) args.Beta = (float*)state.Address(gate);
                else args.Gate = (float*)state.Address(gate);
            }
            (args.GateLower, args.GateUpper) = _layer.GateBounds;
            return args;
        }

        private void Propagate(RunState state, int part, int worker)
        {
            var args = Args(state);
            BatchNormGradFp32.Propagate(&args, part, part + 1);
        }
    }
}
