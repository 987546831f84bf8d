using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>ReduceSum and ReduceMean along neighbouring axes, as heads of transformers and parameters' gradients have them.</summary>
internal sealed unsafe class Fp32AxisSum : Tactic<OpLayer>
{
    public override string Name => "fp32-axis-sum";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not (ReduceSum or ReduceMean)) return Verdict.NotFor("ReduceSum and ReduceMean");
        var x = layer.Inputs[0]!;
        if (x.DataType != DataType.Float32 || x.Layout != Layout.RowMajor || layer.Output.Layout != Layout.RowMajor) return Verdict.NotFor("float rows");
        if (x.Shape.Rank == 0 || x.Shape.IsEmpty) return Verdict.No("needs an axis and elements");
        var axes = Axes(layer);
        return axes[^1] - axes[0] == axes.Length - 1 ? Verdict.Yes : Verdict.No("needs neighbouring axes");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources.Device.Features);

    // The summed axes in order, counted from the front.
    private static int[] Axes(OpLayer layer)
    {
        var rank = layer.Inputs[0]!.Shape.Rank;
        var axes = ((ReduceOp)layer.Op).Axes;
        return axes.Count == 0 ? [.. Enumerable.Range(0, rank)] : [.. axes.Select(axis => axis < 0 ? axis + rank : axis).Distinct().Order()];
    }

    private sealed class Runnable(OpLayer layer, CpuFeatures isa) : RunnableLayer, IParallelBody
    {
        private readonly int _first = Axes(layer)[0];
        private readonly int _last = Axes(layer)[^1];

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, AxisSumFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            AxisSumFp32.Run(&args, part, part + 1);
        }

        private AxisSumFp32Args Args(RunState state)
        {
            var (rows, columns) = (Elements(state, _first, _last), Elements(state, _last, _last + 1));
            return new AxisSumFp32Args
            {
                Outer = Elements(state, 0, _first),
                Rows = rows,
                Columns = columns,
                Inner = Elements(state, _last + 1, layer.Inputs[0]!.Shape.Rank),
                X = (float*)state.Address(layer.Inputs[0]!),
                Y = (float*)state.Address(layer.Output),
                Factor = layer.Op is ReduceMean ? 1f / ((float)rows * columns) : 1,
                Isa = isa,
            };
        }

        private int Elements(RunState state, int begin, int end)
        {
            var elements = 1;
            for (var axis = begin; axis < end; axis++) elements = checked(elements * layer.Inputs[0]!.Shape.Size(axis, state.Batch));
            return elements;
        }
    }
}
