using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float matrix product whose left-hand side is stored transposed, as weight gradients have it: transposes it, packs the other side, multiplies.</summary>
internal sealed unsafe class Fp32TransposedGemm : Tactic<OpLayer>
{
    public override string Name => "fp32-transposed-gemm";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device) => layer.Op switch
    {
        not Gemm { TransA: true } => Verdict.NotFor("Gemm with a transposed left-hand side"),
        Gemm { Alpha: not 1 } => Verdict.No("does not scale the product"),
        _ when layer.Inputs.Length > 2 && layer.Inputs[2] is not null => Verdict.No("adds nothing to the product"),
        _ => layer.Output.DataType == DataType.Float32 ? Verdict.Yes : Verdict.NotFor("float"),
    };

    protected override double EstimateSeconds(OpLayer layer, Device device) => Fp32Cost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly OpLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly ParallelBody _pack;
        private readonly long _leftBytes;

        public Runnable(OpLayer layer, BuildResources resources)
        {
            _layer = layer;
            _isa = resources.Device.Features;
            _pack = new ParallelBody(PackRight);
            var args = Template(resources.MaxBatch);
            _leftBytes = ((long)args.M * args.K * sizeof(float) + AlignedMemory.Alignment - 1) & -AlignedMemory.Alignment;
            SharedScratchBytes = _leftBytes + GemmFp32.PackedFloats(&args) * sizeof(float);
            ScratchBytes = GemmFp32.WorkspaceFloats(&args) * sizeof(float);
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            TransposedCopy.Run<float>(state.Address(_layer.Inputs[0]!), (nint)args.M * sizeof(float), (byte*)args.A, (nint)args.K * sizeof(float), args.K, args.M);
            state.RunParallel(_pack, GemmFp32.PackItems(&args));
            state.RunParallel(this, GemmFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            GemmFp32.Run(&args, part, part + 1, (float*)state.Scratch(worker));
        }

        private GemmFp32Args Template(int batch)
        {
            var (left, output) = (_layer.Inputs[0]!.Shape, _layer.Output.Shape);
            return GemmFp32Args.Dense(output.Size(0, batch), output.Size(1, batch), left.Size(0, batch), null, null, _isa);
        }

        private GemmFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.A = (float*)state.SharedScratch;
            args.C = (float*)state.Address(_layer.Output);
            args.PackedB = (float*)(state.SharedScratch + _leftBytes);
            return args;
        }

        private void PackRight(RunState state, int part, int worker)
        {
            var args = Args(state);
            var isTransposed = ((Gemm)_layer.Op).TransB;
            GemmFp32.Pack(&args, (float*)state.Address(_layer.Inputs[1]!), isTransposed ? args.K : args.N, isTransposed, args.PackedB, part, part + 1);
        }
    }
}
