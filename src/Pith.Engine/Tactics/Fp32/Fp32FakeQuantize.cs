using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Fake quantization with one scale, or one for each index of axis 0.</summary>
internal sealed class Fp32FakeQuantize : Tactic<FakeQuantizeLayer>
{
    public override string Name => "fp32-fake-quantize";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(FakeQuantizeLayer layer, Device device) => Verdict.Yes;

    protected override double EstimateSeconds(FakeQuantizeLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(FakeQuantizeLayer layer, BuildResources resources) =>
        new FakeQuantizeRunnable(layer.Input, layer.Scale, layer.Output, null, layer.Smallest, layer.Largest, resources.Device.Features);
}

/// <summary>The straight-through gradient of <see cref="Fp32FakeQuantize"/>.</summary>
internal sealed class Fp32FakeQuantizeGradient : Tactic<OpLayer>
{
    public override string Name => "fp32-fake-quantize-gradient";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        if (layer.Op is not FakeQuantizeGradient { BlockSize: 0 } op) return Verdict.NotFor("FakeQuantizeGradient without blocks");
        if (!layer.Inputs[2]!.Shape.IsSingle && op.Axis != 0) return Verdict.No("takes one scale, or scales along axis 0");
        if (layer.Inputs.Length > 3 && layer.Inputs[3] is { Constant: null }) return Verdict.No("needs a constant zero point");
        return ZeroPoint(layer) is null ? Verdict.No("needs one zero point") : layer.Inputs[0]!.Layout == layer.Inputs[1]!.Layout && layer.Inputs[1]!.Layout == layer.Output.Layout
            ? Verdict.Yes : Verdict.No("needs one layout");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources)
    {
        var (smallest, largest) = FakeQuantizeGradient.PassingRange(((FakeQuantizeGradient)layer.Op).Type, ZeroPoint(layer)!.Value);
        return new FakeQuantizeRunnable(layer.Inputs[1]!, layer.Inputs[2]!, layer.Output, layer.Inputs[0], smallest, largest, resources.Device.Features);
    }

    private static int? ZeroPoint(OpLayer layer)
    {
        if (layer.Inputs.Length < 4 || layer.Inputs[3]?.Constant is not { } constant) return 0;
        var zeros = constant.ConvertTo(DataType.Int32).As<int>().Data;
        return Array.TrueForAll(zeros, zero => zero == zeros[0]) ? zeros[0] : null;
    }
}

/// <summary>Runs fake quantization, or its gradient when there is one of the result.</summary>
internal sealed unsafe class FakeQuantizeRunnable(Slot x, Slot scale, Slot output, Slot? dy, int smallest, int largest, CpuFeatures isa) : RunnableLayer, IParallelBody
{
    public override void Run(RunState state)
    {
        var args = Args(state);
        state.RunParallel(this, FakeQuantizeFp32.WorkItems(&args));
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var args = Args(state);
        if (dy is null) FakeQuantizeFp32.Run(&args, part, part + 1);
        else FakeQuantizeFp32.RunGradient(&args, part, part + 1);
    }

    private FakeQuantizeFp32Args Args(RunState state)
    {
        var scales = scale.Shape.Elements(state.Batch);
        return new FakeQuantizeFp32Args
        {
            Outer = 1,
            Scales = (nint)scales,
            Inner = (nint)(x.Shape.Elements(state.Batch) / scales),
            X = (float*)state.Address(x),
            Y = (float*)state.Address(output),
            Scale = (float*)state.Address(scale),
            Smallest = smallest,
            Largest = largest,
            Isa = isa,
            DY = dy is null ? null : (float*)state.Address(dy),
        };
    }
}
