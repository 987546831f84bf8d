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
        if (FakeQuantizeOperands.Refusal(layer, op.Axis) is { } refusal) return refusal;
        return layer.Inputs[1]!.Layout == layer.Output.Layout ? Verdict.Yes : Verdict.No("needs one layout");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources)
    {
        var (smallest, largest) = FakeQuantizeGradient.PassingRange(((FakeQuantizeGradient)layer.Op).Type, FakeQuantizeOperands.ZeroPoint(layer)!.Value);
        return new FakeQuantizeRunnable(layer.Inputs[1]!, layer.Inputs[2]!, layer.Output, layer.Inputs[0], smallest, largest, resources.Device.Features);
    }

}

/// <summary>The gradient of the scale of <see cref="Fp32FakeQuantize"/>.</summary>
internal sealed class Fp32LearnedScaleGradient : Tactic<OpLayer>
{
    public override string Name => "fp32-learned-scale-gradient";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is LearnedScaleGradient op ? FakeQuantizeOperands.Refusal(layer, op.Axis) ?? Verdict.Yes : Verdict.NotFor("LearnedScaleGradient");

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new LearnedScaleRunnable(layer, ((LearnedScaleGradient)layer.Op).Type, resources);
}

/// <summary>Operands of both gradients of fake quantization: dy, x, scale, zero point.</summary>
internal static class FakeQuantizeOperands
{
    /// <summary>Why the kernels do not take them; null when they do.</summary>
    public static Verdict? Refusal(OpLayer layer, int axis)
    {
        if (!layer.Inputs[2]!.Shape.IsSingle && axis != 0) return Verdict.No("takes one scale, or scales along axis 0");
        if (layer.Inputs.Length > 3 && layer.Inputs[3] is { Constant: null }) return Verdict.No("needs a constant zero point");
        if (ZeroPoint(layer) is null) return Verdict.No("needs one zero point");
        return layer.Inputs[0]!.Layout == layer.Inputs[1]!.Layout ? null : Verdict.No("needs one layout");
    }

    /// <summary>The zero point that all scales have; null when they differ.</summary>
    public static int? ZeroPoint(OpLayer layer)
    {
        if (layer.Inputs.Length < 4 || layer.Inputs[3]?.Constant is not { } constant) return 0;
        var zeros = constant.ConvertTo(DataType.Int32).As<int>().Data;
        return Array.TrueForAll(zeros, zero => zero == zeros[0]) ? zeros[0] : null;
    }
}

/// <summary>Runs the gradient of the scale: partial sums over pieces, then their sums in order.</summary>
internal sealed unsafe class LearnedScaleRunnable : RunnableLayer, IParallelBody
{
    private readonly Slot _dy;
    private readonly Slot _x;
    private readonly Slot _scale;
    private readonly Slot _output;
    private readonly (int Smallest, int Largest) _passing;
    private readonly (int Smallest, int Largest) _steps;
    private readonly CpuFeatures _isa;

    public LearnedScaleRunnable(OpLayer layer, DataType type, BuildResources resources)
    {
        (_dy, _x, _scale, _output, _isa) = (layer.Inputs[0]!, layer.Inputs[1]!, layer.Inputs[2]!, layer.Output, resources.Device.Features);
        var zero = FakeQuantizeOperands.ZeroPoint(layer)!.Value;
        var (min, max) = AffineQuantization.RangeOf(type);
        (_passing, _steps) = (FakeQuantizeGradient.PassingRange(type, zero), ((int)min - zero, (int)max - zero));
        var args = Template(resources.MaxBatch);
        SharedScratchBytes = FakeQuantizeFp32.WorkItems(&args) * sizeof(float);
    }

    public override long SharedScratchBytes { get; }

    public override void Run(RunState state)
    {
        var args = Args(state);
        state.RunParallel(this, FakeQuantizeFp32.WorkItems(&args));
        FakeQuantizeFp32.CombineScaleGradient(&args);
    }

    public void RunPart(RunState state, int part, int worker)
    {
        var args = Args(state);
        FakeQuantizeFp32.RunScaleGradient(&args, part, part + 1, _passing.Smallest, _passing.Largest);
    }

    // Everything but addresses.
    private FakeQuantizeFp32Args Template(int batch)
    {
        var scales = _scale.Shape.Elements(batch);
        return new FakeQuantizeFp32Args
        {
            Outer = 1, Scales = (nint)scales, Inner = (nint)(_x.Shape.Elements(batch) / scales), X = null, Y = null, Scale = null, Smallest = _steps.Smallest, Largest = _steps.Largest, Isa = _isa,
        };
    }

    private FakeQuantizeFp32Args Args(RunState state)
    {
        var args = Template(state.Batch);
        args.X = (float*)state.Address(_x);
        args.DY = (float*)state.Address(_dy);
        args.Scale = (float*)state.Address(_scale);
        args.Y = (float*)state.Address(_output);
        args.Partials = (float*)state.SharedScratch;
        return args;
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
