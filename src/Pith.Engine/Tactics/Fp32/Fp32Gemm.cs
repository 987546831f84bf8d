using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float matrix product with one right-hand side. A constant one is packed once; a computed one (training) at each run.</summary>
internal sealed unsafe class Fp32Gemm : Tactic<ContractionLayer>
{
    public override string Name => "fp32-gemm";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null ? Verdict.NotFor("float layers") : layer.IsGemm ? Verdict.Yes : Verdict.NotFor("matrix products");

    protected override double EstimateSeconds(ContractionLayer layer, Device device) => Fp32Cost.Seconds(layer, device);

    protected override RunnableLayer Build(ContractionLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly ContractionLayer _layer;
        private readonly ParallelBody _pack;
        private readonly CpuFeatures _isa;
        private readonly float* _packed;
        private readonly long _packedBytes;

        public Runnable(ContractionLayer layer, BuildResources resources)
        {
            _layer = layer;
            _isa = resources.Device.Features;
            _pack = new ParallelBody(PackComputed);
            var args = GemmFp32Args.Dense(layer.Images(resources.MaxBatch), layer.OutChannels, layer.Channels, null, null, _isa);
            _packedBytes = GemmFp32.PackedFloats(&args) * sizeof(float);
            ScratchBytes = GemmFp32.WorkspaceFloats(&args) * sizeof(float);
            if (layer.Weight!.Constant is not Tensor<float> weights) return;
            _packed = (float*)resources.Allocate(_packedBytes);
            fixed (float* data = weights.Data) Pack(&args, data, _packed, 0, GemmFp32.PackItems(&args));
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes => _packed == null ? _packedBytes : 0;

        public override void Run(RunState state)
        {
            var args = Args(state);
            if (_packed == null) state.RunParallel(_pack, GemmFp32.PackItems(&args));
            state.RunParallel(this, GemmFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            GemmFp32.Run(&args, part, part + 1, (float*)state.Scratch(worker));
        }

        private void Pack(GemmFp32Args* args, float* weights, float* packed, int begin, int end) =>
            GemmFp32.Pack(args, weights, _layer.TransposedWeights ? args->K : args->N, _layer.TransposedWeights, packed, begin, end);

        private GemmFp32Args Args(RunState state)
        {
            var args = GemmFp32Args.Dense(_layer.Images(state.Batch), _layer.OutChannels, _layer.Channels, (float*)state.Address(_layer.Input), (float*)state.Address(_layer.Output), _isa);
            args.PackedB = _packed != null ? _packed : (float*)state.SharedScratch;
            args.Activation = _layer.Activation;
            if (_layer.Bias is { } bias) args.Bias = (float*)state.Address(bias);
            if (_layer.Residual is { } residual) args.Residual = (float*)state.Address(residual);
            return args;
        }

        private void PackComputed(RunState state, int part, int worker)
        {
            var args = Args(state);
            Pack(&args, (float*)state.Address(_layer.Weight!), args.PackedB, part, part + 1);
        }
    }
}
