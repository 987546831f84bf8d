using Pith.Building;
using Pith.Kernels;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Float arithmetic, activations and their gradients, element by element with broadcasting.</summary>
internal sealed unsafe class Fp32Elementwise : Tactic<OpLayer>
{
    public override string Name => "fp32-elementwise";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device) =>
        Kernel.Of(layer) is null ? Verdict.NotFor("arithmetic and activations") : AxesOf(layer) is null ? Verdict.No("operands are not float, or their axes do not fit a loop") : Verdict.Yes;

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => Kernel.Of(layer)!.Create(AxesOf(layer)!, resources.Device.Features);

    private static BroadcastAxes? AxesOf(OpLayer layer)
    {
        var x = layer.Inputs[0]!;
        return BroadcastAxes.Of(x, Kernel.IsPair(layer) ? layer.Inputs[1]! : x, layer.Output);
    }

    /// <summary>A function with its constants, still to be compiled into a loop.</summary>
    private abstract class Kernel
    {
        public abstract RunnableLayer Create(BroadcastAxes axes, CpuFeatures isa);

        /// <summary>Whether the function has two operands; the others are constants.</summary>
        public static bool IsPair(OpLayer layer) => layer.Op is Add or Sub or Mul or Div or PRelu || (layer.Op is Max or Min && layer.Inputs.Length == 2) || layer.Op is UnaryGradient or ClipGradient;

        /// <summary>The kernel for the layer's op; null when there is none.</summary>
        public static Kernel? Of(OpLayer layer) => layer.Op switch
        {
            Add => new Kernel<AddFunction>(0, 0),
            Sub => new Kernel<SubFunction>(0, 0),
            Mul => new Kernel<MulFunction>(0, 0),
            Div => new Kernel<DivFunction>(0, 0),
            PRelu => new Kernel<PReluFunction>(0, 0),
            Erf => new Kernel<ErfFunction>(0, 0),
            Exp => new Kernel<ExpFunction>(0, 0),
            Sqrt => new Kernel<SqrtFunction>(0, 0),
            Pow when Exponent(layer) == 2 => new Kernel<SquareFunction>(0, 0),
            Pow when Exponent(layer) == 3 => new Kernel<CubeFunction>(0, 0),
            ClipGradient => Clipping(layer, 2) is { } clip ? Gradient(clip) : null,
            UnaryGradient gradient => ActivationOf(gradient.Forward) is { } activation ? Gradient(activation) : null,
            Clip => Clipping(layer, 1) is { } clip ? Forward(clip) : null,
            var op => ActivationOf(op) is { } activation ? Forward(activation) : Simple(layer),
        };

        // Functions that no epilogue has.
        private static Kernel? Simple(OpLayer layer) => layer.Op switch
        {
            Max when layer.Inputs.Length == 2 => new Kernel<MaxFunction>(0, 0),
            Min when layer.Inputs.Length == 2 => new Kernel<MinFunction>(0, 0),
            Neg => new Kernel<NegFunction>(0, 0),
            Abs => new Kernel<AbsFunction>(0, 0),
            Reciprocal => new Kernel<ReciprocalFunction>(0, 0),
            Softsign => new Kernel<SoftsignFunction>(0, 0),
            Softplus => new Kernel<SoftplusFunction>(0, 0),
            Mish => new Kernel<MishFunction>(0, 0),
            ThresholdedRelu relu => new Kernel<ThresholdedReluFunction>(relu.Alpha, 0),
            Selu selu => new Kernel<SeluFunction>(selu.Gamma * selu.Alpha, selu.Gamma),
            Celu celu => new Kernel<CeluFunction>(celu.Alpha, 0),
            _ => null,
        };

        private static float? Exponent(OpLayer layer) => Bound(layer, 1, float.NaN);

        private static Activation? ActivationOf(Op op) => op switch
        {
            // Not the Clip that fusion makes of it, whose gradient is another at 0.
            Relu => Activation.Relu,
            _ => ActivationFusion.Of(op),
        };

        // Bounds are constants from operand `first` on; either may be absent.
        private static Activation? Clipping(OpLayer layer, int first) =>
            Bound(layer, first, float.NegativeInfinity) is { } low && Bound(layer, first + 1, float.PositiveInfinity) is { } high && low <= high ? Activation.Clip(low, high) : null;

        private static float? Bound(OpLayer layer, int index, float absent) =>
            index >= layer.Inputs.Length || layer.Inputs[index] is not { } bound ? absent : bound.Constant is Tensor<float> { Length: 1 } constant ? constant.Data[0] : null;

        private static Kernel Forward(Activation activation) => Compile(activation, isGradient: false);

        private static Kernel Gradient(Activation activation) => Compile(activation, isGradient: true);

        private static Kernel Compile(Activation activation, bool isGradient)
        {
            var result = new Kernel[1];
            ActivationDispatch.Run(activation.Kind, new Compilation(activation, isGradient, result));
            return result[0];
        }

        private readonly record struct Compilation(Activation Activation, bool IsGradient, Kernel[] Result) : IActivationBody
        {
            public void Run<TActivation>() where TActivation : struct, IActivation => Result[0] = IsGradient
                ? new Kernel<GradientFunction<TActivation>>(Activation.A, Activation.B)
                : new Kernel<ActivationFunction<TActivation>>(Activation.A, Activation.B);
        }
    }

    private sealed class Kernel<TFunction>(float a, float b) : Kernel where TFunction : struct, IPairFunction
    {
        public override RunnableLayer Create(BroadcastAxes axes, CpuFeatures isa) => new Runnable<TFunction>(axes, isa, a, b);
    }

    private sealed class Runnable<TFunction>(BroadcastAxes axes, CpuFeatures isa, float a, float b) : RunnableLayer, IParallelBody where TFunction : struct, IPairFunction
    {
        public override void Run(RunState state) => state.RunParallel(this, WorkSplit.Elements.Count(axes.At(state).Length));

        public void RunPart(RunState state, int part, int worker)
        {
            var loop = axes.At(state);
            (loop.A, loop.B) = (a, b);
            var (begin, end) = WorkSplit.Elements.Of(part, loop.Length);
            BroadcastLoop<TFunction>.Run(&loop, isa, begin, end);
        }
    }
}
