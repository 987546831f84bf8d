using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The gradient of LayerNormalization over the innermost axes: rows in parallel, and sums over chunks of rows that are added in order.</summary>
internal sealed unsafe class Fp32LayerNormGradient : Tactic<OpLayer>
{
    public override string Name => "fp32-layer-norm-gradient";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not LayerNormalizationGradient norm) return Verdict.NotFor("LayerNormalizationGradient");
        var slots = layer.Inputs.Concat(layer.Outputs).OfType<Slot>();
        if (slots.Any(slot => slot.DataType != DataType.Float32 || slot.Layout != Layout.RowMajor)) return Verdict.NotFor("float rows");
        var shape = layer.Output.Shape;
        var axis = norm.Axis < 0 ? norm.Axis + shape.Rank : norm.Axis;
        if (shape.GrowsFrom(axis) || shape.IsEmpty) return Verdict.No("needs rows of a fixed size");
        return layer.Inputs[2]!.Shape.Axes.SkipWhile(size => size.IsOne).SequenceEqual(shape.Axes.Skip(axis).SkipWhile(size => size.IsOne)) ? Verdict.Yes : Verdict.No("needs a scale of the normalized axes' shape");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly OpLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly float _epsilon;
        private readonly int _columns;

        public Runnable(OpLayer layer, BuildResources resources)
        {
            (_layer, _isa, _epsilon) = (layer, resources.Device.Features, ((LayerNormalizationGradient)layer.Op).Epsilon);
            _columns = (int)layer.Inputs[2]!.Shape.Elements(1);
            var args = Template(resources.MaxBatch);
            SharedScratchBytes = LayerNormGradFp32.PartialFloats(&args) * sizeof(float);
        }

        public override long SharedScratchBytes { get; }

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, LayerNormGradFp32.WorkItems(&args));
            LayerNormGradFp32.Combine(&args);
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            LayerNormGradFp32.Run(&args, part, part + 1);
        }

        // Everything but addresses.
        private LayerNormGradFp32Args Template(int batch) => new()
        {
            Rows = (nint)(_layer.Output.Shape.Elements(batch) / _columns),
            Columns = _columns,
            DY = null,
            X = null,
            Scale = null,
            DX = null,
            DScale = null,
            DBias = null,
            Epsilon = _epsilon,
            Isa = _isa,
        };

        private LayerNormGradFp32Args Args(RunState state)
        {
            var args = Template(state.Batch);
            args.DY = (float*)state.Address(_layer.Inputs[0]!);
            args.X = (float*)state.Address(_layer.Inputs[1]!);
            args.Scale = (float*)state.Address(_layer.Inputs[2]!);
            args.DX = (float*)state.Address(_layer.Outputs[0]);
            args.DScale = (float*)state.Address(_layer.Outputs[1]);
            args.DBias = (float*)state.Address(_layer.Outputs[2]);
            args.Partials = (float*)state.SharedScratch;
            return args;
        }
    }
}
