using Pith.Building;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Transpose, Split and Slice of row-major operands of any type: each result is a copy in which every axis of the operand has a start and a stride.</summary>
internal sealed unsafe class StridedCopies : Tactic<OpLayer>
{
    public override string Name => "strided-copy";

    protected override BatchSupport Batch => BatchSupport.AnyAxis;

    protected override Verdict Accept(OpLayer layer, Device device) =>
        layer.Op is not (Transpose or Split or Slice) ? Verdict.NotFor("Transpose, Split and Slice")
        : layer.Inputs[0]!.Layout != Layout.RowMajor || layer.Outputs.Any(output => output.Layout != Layout.RowMajor) ? Verdict.No("needs a row-major operand and row-major results")
        : Cuts(layer) is not null ? Verdict.Yes : Verdict.No("needs constant bounds");

    protected override double EstimateSeconds(OpLayer layer, Device device) => StreamCost.Seconds(layer, device);

    protected override RunnableLayer Build(OpLayer layer, BuildResources resources) => new Runnable(layer.Inputs[0]!, Copies(layer));

    // A result and, for each of its axes, which axis of the operand it is, its first index and the step.
    private sealed record Copy(Slot Output, int[] Axes, int[] Starts, int[] Steps);

    // One axis of one result that does not take the operand's whole axis.
    private readonly record struct Cut(int Output, int Axis, int Start, int Step);

    private static Copy[] Copies(OpLayer layer)
    {
        var rank = layer.Output.Shape.Rank;
        var copies = Array.ConvertAll(layer.Outputs, output => new Copy(output, [.. Enumerable.Range(0, rank)], new int[rank], [.. Enumerable.Repeat(1, rank)]));
        if (layer.Op is Transpose transpose) copies[0] = copies[0] with { Axes = [.. transpose.PermutationOf(rank)] };
        foreach (var cut in Cuts(layer)!) (copies[cut.Output].Starts[cut.Axis], copies[cut.Output].Steps[cut.Axis]) = (cut.Start, cut.Step);
        return copies;
    }

    // Null when they are not known before the run.
    private static Cut[]? Cuts(OpLayer layer) => layer.Op switch
    {
        Split split => [.. SplitCuts(layer, split.Axis < 0 ? split.Axis + layer.Output.Shape.Rank : split.Axis)],
        Slice => SliceCuts(layer),
        _ => [],
    };

    private static IEnumerable<Cut> SplitCuts(OpLayer layer, int axis)
    {
        var start = 0;
        for (var i = 0; i < layer.Outputs.Length; start += layer.Outputs[i++].Shape[axis].Fixed) yield return new Cut(i, axis, start, 1);
    }

    private static Cut[]? SliceCuts(OpLayer layer)
    {
        if (layer.Inputs.Skip(1).Any(operand => operand is { Constant: null })) return null;
        long[]? Operand(int index) => layer.Inputs.ElementAtOrDefault(index)?.Constant!.ToInt64s();
        var shape = layer.Inputs[0]!.Shape;
        var (axes, steps) = (Operand(3), Operand(4));
        return [.. Operand(1)!.Select((start, i) =>
        {
            var axis = (int)(axes?[i] ?? i);
            if (axis < 0) axis += shape.Rank;
            // A step over the whole axis takes one element, whatever it is.
            var (size, step) = (shape[axis].Fixed, (int)Math.Clamp(steps?[i] ?? 1, -int.MaxValue, int.MaxValue));
            // Backwards from the last index at most. How many are taken is the size of the result.
            return new Cut(0, axis, (int)Math.Clamp(start < 0 ? start + size : start, 0, step > 0 ? size : Math.Max(size - 1, 0)), step);
        })];
    }

    private sealed class Runnable(Slot input, Copy[] copies) : RunnableLayer, IParallelBody
    {
        private const long BytesPerPart = 32768;

        public override void Run(RunState state)
        {
            var parts = 0;
            Span<StridedAxis> axes = stackalloc StridedAxis[input.Shape.Rank];
            foreach (var copy in copies) parts += Parts(Kernel(copy, state.Batch, axes));
            state.RunParallel(this, parts);
        }

        public void RunPart(RunState state, int part, int worker)
        {
            Span<StridedAxis> axes = stackalloc StridedAxis[input.Shape.Rank];
            foreach (var copy in copies)
            {
                var kernel = Kernel(copy, state.Batch, axes);
                var parts = Parts(kernel);
                if (part >= parts)
                {
                    part -= parts;
                    continue;
                }
                kernel.Run(state.Address(input) + FirstByte(copy, state.Batch), state.Address(copy.Output), (nint)((long)kernel.Units * part / parts), (nint)((long)kernel.Units * (part + 1) / parts));
                return;
            }
        }

        private static int Parts(StridedCopy kernel) => (int)Math.Clamp(kernel.Bytes / BytesPerPart, Math.Min(1, kernel.Units), kernel.Units);

        private StridedCopy Kernel(Copy copy, int batch, Span<StridedAxis> axes)
        {
            var elementBytes = input.DataType.SizeInBytes();
            nint stride = elementBytes;
            for (var axis = axes.Length - 1; axis >= 0; axis--)
            {
                var size = copy.Output.Shape.Size(axis, batch);
                axes[axis] = new StridedAxis(size, copy.Steps[axis] * InputStride(copy.Axes[axis], batch), stride);
                stride *= size;
            }
            return new StridedCopy(axes, elementBytes);
        }

        private nint FirstByte(Copy copy, int batch)
        {
            nint bytes = 0;
            for (var axis = 0; axis < copy.Axes.Length; axis++) bytes += copy.Starts[axis] * InputStride(copy.Axes[axis], batch);
            return bytes;
        }

        // Bytes from index to index of an axis of the operand.
        private nint InputStride(int axis, int batch)
        {
            nint stride = input.DataType.SizeInBytes();
            for (var inner = axis + 1; inner < input.Shape.Rank; inner++) stride *= input.Shape.Size(inner, batch);
            return stride;
        }
    }
}
