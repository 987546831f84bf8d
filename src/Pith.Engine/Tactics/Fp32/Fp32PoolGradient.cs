using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The gradients of maximum and average pools of float images, image by image.</summary>
internal sealed unsafe class Fp32PoolGradient : Tactic<OpLayer>
{
    public override string Name => "fp32-pool-gradient";

    protected override Verdict Accept(OpLayer layer, Device device) => layer.Op is MaxPoolGradient or AveragePoolGradient
        ? FeatureMaps.AreImages(layer) ? Verdict.Yes : Verdict.NotFor("float images")
        : Verdict.NotFor("gradients of pools");

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources.Device.Features);

    private sealed class Runnable : RunnableLayer, IParallelBody
    {
        private readonly OpLayer _layer;
        private readonly CpuFeatures _isa;
        private readonly bool _isMax;
        private readonly bool _countIncludesPadding;
        private readonly PoolWindow _window;

        public Runnable(OpLayer layer, CpuFeatures isa)
        {
            (_layer, _isa, _isMax) = (layer, isa, layer.Op is MaxPoolGradient);
            var window = layer.Op is AveragePoolGradient average ? average.Window : ((MaxPoolGradient)layer.Op).Window;
            _countIncludesPadding = layer.Op is AveragePoolGradient { CountIncludePad: true };
            _window = Geometries.Of(Windows.Of(window.Resolve(layer.Output.Shape.FixedFrom(2), window.KernelShape.Span)));
        }

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, PoolFp32.GradientItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            if (_isMax) PoolFp32.RunMaxGradient(&args, part, part + 1);
            else PoolFp32.RunAverageGradient(&args, part, part + 1);
        }

        private PoolFp32Args Args(RunState state) => new()
        {
            // The average's gradient needs the sizes of the input only.
            X = FeatureMaps.Of(_isMax ? _layer.Inputs[1]! : _layer.Output, state),
            Y = FeatureMaps.Of(_layer.Inputs[0]!, state),
            DX = FeatureMaps.Of(_layer.Output, state),
            Window = _window,
            Isa = _isa,
            CountIncludePad = _countIncludesPadding ? 1 : 0,
        };
    }
}
