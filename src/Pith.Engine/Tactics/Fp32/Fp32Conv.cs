using System.Runtime.Intrinsics;
using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float convolution as implicit matrix product. Constant weights are packed once; computed ones (training) at each run.</summary>
internal sealed unsafe class Fp32Conv : Tactic<ContractionLayer>
{
    private static readonly PeakLoop s_peak4 = Kernels.PeakLoop.Of<Vector128<float>, MultiplyAddFp32Vector128>("float32"), s_peak8 = Kernels.PeakLoop.Of<Vector256<float>, MultiplyAddFp32Vector256>("float32"), s_peak16 = Kernels.PeakLoop.Of<Vector512<float>, MultiplyAddFp32Vector512>("float32");

    public override string Name => "fp32-conv";

    public override PeakLoop? PeakLoop(Device device) => device.Features.Fp32Lanes switch { 16 => s_peak16, 8 => s_peak8, _ => s_peak4 };

    protected override Verdict Accept(ContractionLayer layer, Device device) =>
        layer.Int8 is not null ? Verdict.NotFor("float layers") : layer.IsGemm ? Verdict.NotFor("convolutions") : Verdict.Yes;

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
            var args = Template(resources.MaxBatch);
            _packedBytes = ConvFp32.PackedFloats(&args) * sizeof(float);
            ScratchBytes = ConvFp32.WorkspaceFloats(&args) * sizeof(float);
            if (layer.Weight!.Constant is not Tensor<float> weights) return;
            _packed = args.PackedWeights = (float*)resources.Allocate(_packedBytes);
            fixed (float* data = weights.Data) ConvFp32.Pack(&args, data, 0, ConvFp32.PackItems(&args));
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes => _packed == null ? _packedBytes : 0;

        public override void Run(RunState state)
        {
            var args = Args(state);
            if (_packed == null) state.RunParallel(_pack, ConvFp32.PackItems(&args));
            state.RunParallel(this, ConvFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            ConvFp32.Run(&args, part, part + 1, (float*)state.Scratch(worker));
        }

        // Everything but addresses.
        private ConvFp32Args Template(int batch) => new()
        {
            X = FeatureMaps.Of(_layer.Input, batch),
            Y = FeatureMaps.Of(_layer.Output, batch),
            Geometry = Geometries.Of(_layer.Window, _layer.Groups),
            Isa = _isa,
            Activation = _layer.Activation,
            TurnsWeights = _layer.TurnsWeights,
        };

        private ConvFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.X.Data = (float*)state.Address(_layer.Input);
            args.Y.Data = (float*)state.Address(_layer.Output);
            args.PackedWeights = _packed != null ? _packed : (float*)state.SharedScratch;
            if (_layer.Bias is { } bias) args.Bias = (float*)state.Address(bias);
            if (_layer.Residual is not { } residual) return args;
            args.Residual = FeatureMaps.Of(residual, state);
            return args;
        }

        private void PackComputed(RunState state, int part, int worker)
        {
            var args = Args(state);
            ConvFp32.Pack(&args, (float*)state.Address(_layer.Weight!), part, part + 1);
        }
    }
}
