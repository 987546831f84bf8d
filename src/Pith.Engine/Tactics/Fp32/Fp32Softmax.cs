using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Softmax and LogSoftmax along the innermost axis, and their gradient, row by row.</summary>
internal sealed unsafe class Fp32Softmax : Tactic<OpLayer>
{
    public override string Name => "fp32-softmax";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device)
    {
        var axis = layer.Op switch { SoftmaxOp { FlattensTrailingAxes: false } softmax => softmax.Axis, SoftmaxGradient gradient => gradient.Axis, _ => int.MinValue };
        if (axis == int.MinValue) return Verdict.NotFor("Softmax and LogSoftmax of one axis");
        var shape = layer.Output.Shape;
        if (layer.Output.DataType != DataType.Float32 || shape.Rank == 0) return Verdict.NotFor("float rows");
        var slots = layer.Inputs.Append(layer.Output);
        if (slots.All(slot => slot!.Layout == Layout.ChannelsLast) && axis == 1) return Verdict.Yes;
        return slots.All(slot => slot!.Layout == Layout.RowMajor) && (axis == -1 || axis == shape.Rank - 1) && !shape[-1].Grows ? Verdict.Yes : Verdict.No("needs the innermost axis");
    }

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer, resources.Device.Features);

    private sealed class Runnable(OpLayer layer, CpuFeatures isa) : RunnableLayer, IParallelBody
    {
        private readonly bool _isGradient = layer.Op is SoftmaxGradient;
        private readonly bool _isLogarithm = layer.Op is LogSoftmax or SoftmaxGradient { OfLogarithm: true };

        public override void Run(RunState state)
        {
            var args = Args(state);
            state.RunParallel(this, SoftmaxFp32.WorkItems(&args));
        }

        public void RunPart(RunState state, int part, int worker)
        {
            var args = Args(state);
            if (_isGradient) SoftmaxFp32.RunGradient(&args, part, part + 1);
            else SoftmaxFp32.Run(&args, part, part + 1);
        }

        private SoftmaxFp32Args Args(RunState state)
        {
            var columns = layer.Output.Layout == Layout.ChannelsLast ? layer.Output.Channels : layer.Output.Shape[-1].Fixed;
            return new SoftmaxFp32Args
            {
                Rows = (nint)(layer.Output.Shape.Elements(state.Batch) / columns),
                Columns = columns,
                X = (float*)state.Address(layer.Inputs[_isGradient ? 1 : 0]!),
                Y = (float*)state.Address(layer.Output),
                Isa = isa,
                DY = _isGradient ? (float*)state.Address(layer.Inputs[0]!) : null,
                Logarithm = _isLogarithm ? 1 : 0,
            };
        }
    }
}
