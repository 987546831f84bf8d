using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The average over the pixels of each float image.</summary>
internal sealed class Fp32GlobalAveragePool : Tactic<PoolLayer>
{
    public override string Name => "fp32-global-average";

    protected override Verdict Accept(PoolLayer layer, Device device) =>
        layer.Input.DataType == DataType.Float32 && !layer.IsMax && layer.IsGlobal ? Verdict.Yes : Verdict.NotFor("the average over whole float images");

    protected override double EstimateSeconds(PoolLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(PoolLayer layer, BuildResources resources) => new GlobalAverageRunnable(layer.Input, layer.Output, isGradient: false, resources.Device.Features);
}

/// <summary>The gradient of <see cref="Fp32GlobalAveragePool"/>: every pixel gets its share.</summary>
internal sealed class Fp32GlobalAverageGradient : Tactic<OpLayer>
{
    public override string Name => "fp32-global-average-gradient";

    protected override Verdict Accept(OpLayer layer, Device device) => layer.Op is not GlobalAveragePoolGradient ? Verdict.NotFor("GlobalAveragePoolGradient")
        : FeatureMaps.AreImages(layer) ? Verdict.Yes : Verdict.NotFor("float images");

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new GlobalAverageRunnable(layer.Output, layer.Inputs[0]!, isGradient: true, resources.Device.Features);
}

/// <summary>Runs the average of images or its gradient.</summary>
/// <param name="images">[N, C, H, W]: the input, or its gradient, which is written.</param>
/// <param name="averages">[N, C, 1, 1]: the result, or its gradient, which is read.</param>
/// <param name="isGradient">Which of both.</param>
/// <param name="isa">The instruction set.</param>
internal sealed unsafe class GlobalAverageRunnable(Slot images, Slot averages, bool isGradient, CpuFeatures isa) : RunnableLayer, IParallelBody
{
    public override void Run(RunState state)
    {
        var args = Args(state);
        state.RunParallel(this, GlobalAveragePoolFp32.WorkItems(&args));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var args = Args(state);
        if (isGradient) GlobalAveragePoolFp32.RunGradient(&args, part, part + 1);
        else GlobalAveragePoolFp32.Run(&args, part, part + 1);
    }

    private GlobalAveragePoolFp32Args Args(RunState state) => new()
    {
        X = FeatureMaps.Of(images, state),
        Y = (float*)state.Address(averages),
        Scale = 1f / (images.Height * images.Width),
        Isa = isa,
    };
}
