using Pith.Building;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>The losses of classifiers and their gradients, in double precision, row after row on one thread: a few numbers for each image.</summary>
internal sealed unsafe class ClassLosses : Tactic<OpLayer>
{
    public override string Name => "class-losses";

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not (SoftmaxCrossEntropy or SoftmaxCrossEntropyGradient or DistillationLoss or DistillationLossGradient) ? Verdict.NotFor("losses")
        : layer.Inputs.All(input => input!.DataType is DataType.Float32 or DataType.Int32) ? Verdict.Yes : Verdict.NotFor("float logits");

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => layer.Op switch
    {
        SoftmaxCrossEntropy loss => new CrossEntropy(layer, 0, loss.LabelSmoothing),
        SoftmaxCrossEntropyGradient gradient => new CrossEntropy(layer, 1, gradient.LabelSmoothing),
        DistillationLoss loss => new Distillation(layer, 0, loss.Temperature),
        DistillationLossGradient gradient => new Distillation(layer, 1, gradient.Temperature),
        _ => throw new InvalidOperationException($"{layer.Op} was not accepted."),
    };

    /// <summary>A loss (logits from operand 0 on) or its gradient (operand 0 is that of the loss, logits from operand 1 on).</summary>
    private abstract class Loss(OpLayer layer, int first) : RunnableLayer
    {
        protected bool IsGradient => first == 1;

        protected OpLayer Layer => layer;

        protected int Classes => layer.Inputs[first]!.Shape[1].Fixed;

        public override long ScratchBytes => 2 * Classes * sizeof(double);

        public sealed override void Run(RunState state)
        {
            var rows = layer.Inputs[first]!.Shape.Size(0, state.Batch);
            double* first64 = (double*)state.Scratch(0), second64 = first64 + Classes;
            var output = (float*)state.Address(layer.Output);
            var factor = (IsGradient ? *(float*)state.Address(layer.Inputs[0]!) : 1.0) / rows;
            var sum = 0.0;
            for (var row = 0; row < rows; row++)
            {
                Logarithms(state, first, row, first64);
                if (IsGradient) Gradient(state, row, factor, first64, second64, output + (nint)row * Classes);
                else sum += Value(state, row, first64, second64);
            }
            if (!IsGradient) *output = (float)(sum * factor);
        }

        /// <summary>The loss of one row, given the logarithms of its probabilities.</summary>
        protected abstract double Value(RunState state, int row, double* logarithms, double* scratch);

        /// <summary>The gradient of one row's logits.</summary>
        protected abstract void Gradient(RunState state, int row, double factor, double* logarithms, double* scratch, float* gradient);

        /// <summary>What the logits are divided by.</summary>
        protected virtual float Divisor => 1;

        protected void Logarithms(RunState state, int operand, int row, double* to)
        {
            var logits = (float*)state.Address(layer.Inputs[operand]!) + (nint)row * Classes;
            var (largest, sum) = (double.NegativeInfinity, 0.0);
            for (var k = 0; k < Classes; k++) largest = Math.Max(largest, to[k] = logits[k] / (double)Divisor);
            for (var k = 0; k < Classes; k++) sum += Math.Exp(to[k] - largest);
            var shift = largest + Math.Log(sum);
            for (var k = 0; k < Classes; k++) to[k] -= shift;
        }
    }

    private sealed class CrossEntropy(OpLayer layer, int first, float smoothing) : Loss(layer, first)
    {
        private readonly int _labels = first + 1;

        protected override double Value(RunState state, int row, double* logarithms, double* scratch)
        {
            WriteTargets(state, row, scratch);
            var sum = 0.0;
            for (var k = 0; k < Classes; k++)
                if (scratch[k] != 0) sum -= scratch[k] * logarithms[k];
            return sum;
        }

        protected override void Gradient(RunState state, int row, double factor, double* logarithms, double* scratch, float* gradient)
        {
            WriteTargets(state, row, scratch);
            for (var k = 0; k < Classes; k++) gradient[k] = (float)(factor * (Math.Exp(logarithms[k]) - scratch[k]));
        }

        private void WriteTargets(RunState state, int row, double* targets)
        {
            var labels = Layer.Inputs[_labels]!;
            var spread = smoothing / (double)Classes;
            if (labels.DataType == DataType.Int32)
            {
                var label = ((int*)state.Address(labels))[row];
                if ((uint)label >= (uint)Classes) throw new PithException($"Label {label} of image {row} is outside the {Classes} classes (0 to {Classes - 1}).");
                for (var k = 0; k < Classes; k++) targets[k] = spread;
                targets[label] += 1 - smoothing;
                return;
            }
            var soft = (float*)state.Address(labels) + (nint)row * Classes;
            for (var k = 0; k < Classes; k++) targets[k] = spread + soft[k] * (double)(1 - smoothing);
        }
    }

    private sealed class Distillation(OpLayer layer, int first, float temperature) : Loss(layer, first)
    {
        private readonly int _teacher = first + 1;

        protected override float Divisor => temperature;

        protected override double Value(RunState state, int row, double* logarithms, double* scratch)
        {
            Logarithms(state, _teacher, row, scratch);
            var sum = 0.0;
            for (var k = 0; k < Classes; k++) sum += Math.Exp(scratch[k]) * (scratch[k] - logarithms[k]);
            return sum * temperature * temperature;
        }

        protected override void Gradient(RunState state, int row, double factor, double* logarithms, double* scratch, float* gradient)
        {
            Logarithms(state, _teacher, row, scratch);
            for (var k = 0; k < Classes; k++) gradient[k] = (float)(factor * temperature * (Math.Exp(logarithms[k]) - Math.Exp(scratch[k])));
        }
    }
}
