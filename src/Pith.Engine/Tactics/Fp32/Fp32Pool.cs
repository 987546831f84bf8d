using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Maximum and average of float images, row by row of the result.</summary>
internal sealed unsafe class Fp32Pool : Tactic<PoolLayer>
{
    public override string Name => "fp32-pool";

    protected override Verdict Accept(PoolLayer layer, Device device) =>
        layer.Input.DataType != DataType.Float32 ? Verdict.NotFor("float images")
        : !layer.IsMax && layer.IsGlobal ? Verdict.No("leaves the average over whole images to another tactic") : Verdict.Yes;

    protected override double EstimateSeconds(PoolLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(PoolLayer layer, BuildResources resources) => new Runnable(layer, resources.Device.Features);

    private sealed class Runnable(PoolLayer layer, CpuFeatures isa) : RunnableLayer, IParallelBody
    {
        private readonly PoolWindow _window = Geometries.Of(layer.Window);

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, PoolFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            if (layer.IsMax) PoolFp32.RunMax(&args, part, part + 1);
            else PoolFp32.RunAverage(&args, part, part + 1);
        }

        private PoolFp32Args Args(RunState state) => new()
        {
            X = FeatureMaps.Of(layer.Input, state),
            Y = FeatureMaps.Of(layer.Output, state),
            Window = _window,
            Isa = isa,
            CountIncludePad = layer.CountIncludesPadding ? 1 : 0,
        };
    }
}
