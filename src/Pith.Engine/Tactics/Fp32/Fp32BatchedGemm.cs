using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float products of many pairs of matrices, as attention has them: [..., M, K] by [..., K, N] with the same leading axes. Packs every right-hand side at each run.</summary>
internal sealed unsafe class Fp32BatchedGemm : Tactic<OpLayer>
{
    public override string Name => "fp32-batched-gemm";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not MatMul) return Verdict.NotFor("MatMul");
        var (left, right) = (layer.Inputs[0]!, layer.Inputs[1]!);
        if (new[] { left, right, layer.Output }.Any(slot => slot.DataType != DataType.Float32 || slot.Layout != Layout.RowMajor)) return Verdict.NotFor("float rows");
        if (left.Shape.Rank < 2 || right.Shape.Rank < 2) return Verdict.No("multiplies no vectors");
        if (layer.Output.Shape.IsEmpty || left.Shape.IsEmpty) return Verdict.No("needs elements");
        return LeadingAxes(left).SequenceEqual(LeadingAxes(right)) ? Verdict.Yes : Verdict.No("broadcasts no matrices: both operands need the same leading axes");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => Fp32Cost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private static IEnumerable<BatchSize> LeadingAxes(Slot slot) => slot.Shape.Axes.SkipLast(2);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly OpLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly ParallelBody _pack;

        public Runnable(OpLayer layer, BuildResources resources)
        {
            _layer = layer;
            _isa = resources.Device.Features;
            _pack = new ParallelBody(PackRight);
            var args = Template(resources.MaxBatch);
            SharedScratchBytes = args.Batch * GemmFp32.PackedFloats(&args) * sizeof(float);
            ScratchBytes = GemmFp32.WorkspaceFloats(&args) * sizeof(float);
        }

        public override long ScratchBytes { get; }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(_pack, args.Batch * GemmFp32.PackItems(&args));
            state.RunParallel(this, GemmFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            GemmFp32.Run(&args, part, part + 1, (float*)state.Scratch(worker));
        }

        // Everything but addresses.
        private GemmFp32Args Template(int batch)
        {
            var (left, output) = (_layer.Inputs[0]!.Shape, _layer.Output.Shape);
            var args = GemmFp32Args.Dense(output.Size(output.Rank - 2, batch), output.Size(output.Rank - 1, batch), left.Size(left.Rank - 1, batch), null, null, _isa);
            args.Batch = checked((int)(output.Elements(batch) / args.BatchStrideC));
            args.BatchedB = 1;
            return args;
        }

        private GemmFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.A = (float*)state.Address(_layer.Inputs[0]!);
            args.C = (float*)state.Address(_layer.Output);
            args.PackedB = (float*)state.SharedScratch;
            return args;
        }

        private void PackRight(RunState state, int part, int worker)
        {
            var args = Args(state);
            var (matrix, panel) = Math.DivRem(part, GemmFp32.PackItems(&args));
            float* right = (float*)state.Address(_layer.Inputs[1]!) + (nint)matrix * args.K * args.N;
            GemmFp32.Pack(&args, right, args.N, transposed: false, args.PackedB + matrix * GemmFp32.PackedFloats(&args), panel, panel + 1);
        }
    }
}
