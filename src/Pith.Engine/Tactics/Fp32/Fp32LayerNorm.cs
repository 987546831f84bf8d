using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>LayerNormalization over the innermost axes, with a scale and an optional bias of exactly those axes.</summary>
internal sealed unsafe class Fp32LayerNorm : Tactic<OpLayer>
{
    public override string Name => "fp32-layer-norm";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not LayerNormalization norm) return Verdict.NotFor("LayerNormalization");
        if (layer.Outputs.Length > 1) return Verdict.No("writes neither means nor deviations");
        var slots = layer.Inputs.Append(layer.Output).OfType<Slot>();
        if (slots.Any(slot => slot.DataType != DataType.Float32 || slot.Layout != Layout.RowMajor)) return Verdict.NotFor("float rows");
        var shape = layer.Output.Shape;
        var axis = norm.Axis < 0 ? norm.Axis + shape.Rank : norm.Axis;
        if (shape.GrowsFrom(axis) || shape.IsEmpty) return Verdict.No("needs rows of a fixed size");
        var normalized = shape.Axes.Skip(axis);
        var areOfTheRow = layer.Inputs.Skip(1).OfType<Slot>().All(slot => slot.Shape.Axes.SkipWhile(size => size.IsOne).SequenceEqual(normalized.SkipWhile(size => size.IsOne)));
        return areOfTheRow ? Verdict.Yes : Verdict.No("needs a scale and a bias of the normalized axes' shape");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources.Device.Features);

    private sealed class Runnable(OpLayer layer, CpuFeatures isa) : RunnableLayer, IParallelBody
    {
        private readonly float _epsilon = ((LayerNormalization)layer.Op).Epsilon;
        private readonly int _columns = (int)layer.Inputs[1]!.Shape.Elements(1);

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, LayerNormFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            LayerNormFp32.Run(&args, part, part + 1);
        }

        private LayerNormFp32Args Args(RunState state) => new()
        {
            Rows = (nint)(layer.Output.Shape.Elements(state.Batch) / _columns),
            Columns = _columns,
            X = (float*)state.Address(layer.Inputs[0]!),
            Y = (float*)state.Address(layer.Output),
            Scale = (float*)state.Address(layer.Inputs[1]!),
            Bias = layer.Inputs.ElementAtOrDefault(2) is { } bias ? (float*)state.Address(bias) : null,
            Epsilon = _epsilon,
            Isa = isa,
        };
    }
}
