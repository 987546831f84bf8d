using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Batch normalization: with the batch's statistics (measures chunks of pixels, combines them in order, normalizes), or with given ones (normalizes).</summary>
internal sealed unsafe class Fp32BatchNorm : Tactic<TrainingLayer>
{
    public override string Name => "fp32-batch-norm";

    protected override Verdict Accept(TrainingLayer layer, Device device) =>
        layer.Op is not (BatchNormTraining or BatchNormalization) ? Verdict.NotFor("batch normalization") : layer.Gate is not null ? Verdict.No("has no gate") : Verdict.Yes;

    protected override double EstimateSeconds(TrainingLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(TrainingLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly TrainingLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly float _epsilon;
        private readonly bool _measures;
        private readonly ParallelBody _normalize;

        public Runnable(TrainingLayer layer, BuildResources resources)
        {
            _layer = layer;
            _isa = resources.Device.Features;
            _measures = layer.Op is BatchNormTraining;
            _epsilon = layer.Op is BatchNormTraining training ? training.Epsilon : ((BatchNormalization)layer.Op).Epsilon;
            _normalize = new ParallelBody(Normalize);
            var args = Template(resources.MaxBatch);
            if (_measures) SharedScratchBytes = BatchNormFp32.PartialFloats(&args) * sizeof(float);
        }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            if (_measures)
            {
                state.RunParallel(this, BatchNormFp32.Items(&args));
                BatchNormFp32.Combine(&args);
                state.Statistics?.CombineMoments(new Span<float>(args.Mean, args.Channels), new Span<float>(args.Variance, args.Channels));
            }
            state.RunParallel(_normalize, BatchNormFp32.Items(&args), descending: _measures);
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            BatchNormFp32.Measure(&args, part, part + 1);
        }

        // Everything but addresses.
        private BatchNormFp32Args Template(int batch) => new()
        {
            Pixels = (nint)_layer.Output.Pixels(batch),
            Channels = _layer.Output.Channels,
            X = null,
            Y = null,
            Gamma = null,
            Beta = null,
            Mean = null,
            Variance = null,
            Epsilon = _epsilon,
            Isa = _isa,
            Activation = _layer.Activation,
        };

        private BatchNormFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.X = (float*)state.Address(_layer.Inputs[0]!);
            args.Gamma = (float*)state.Address(_layer.Inputs[1]!);
            args.Beta = (float*)state.Address(_layer.Inputs[2]!);
            args.Y = (float*)state.Address(_layer.Outputs[0]);
            args.Mean = (float*)state.Address(_measures ? _layer.Outputs[1] : _layer.Inputs[3]!);
            args.Variance = (float*)state.Address(_measures ? _layer.Outputs[2] : _layer.Inputs[4]!);
            args.Partials = (float*)state.SharedScratch;
            if (_layer.Residual is { } residual) args.Residual = (float*)state.Address(residual);
            return args;
        }

        private void Normalize(RunState state, int part, int worker)
        {
            var args = Args(state);
            BatchNormFp32.Normalize(&args, part, part + 1);
        }
    }
}
