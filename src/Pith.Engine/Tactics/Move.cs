using Pith.Building;
using Pith.Kernels.Simd;
using Pith.Ops;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>Indices that are run through together: one axis, or a part of one, of the operand and of the result.</summary>
/// <param name="Size">How many.</param>
/// <param name="From">The operand's axis.</param>
/// <param name="FromStep">Indices of it from one to the next.</param>
/// <param name="To">The result's axis.</param>
/// <param name="ToStep">Indices of it from one to the next.</param>
internal readonly record struct MoveLoop(BatchSize Size, int From, int To, int FromStep = 1, int ToStep = 1);

/// <summary>The first index of an axis that is moved, if it is not 0.</summary>
internal readonly record struct MoveStart(int Axis, int Index);

/// <summary>Elements that a layer copies from an operand to a result, as nested loops over axes of both, whatever their layouts.</summary>
internal sealed unsafe class Move(Slot input, Slot output, MoveLoop[] loops, MoveStart[] from, MoveStart[] to)
{
    private const long BytesPerPart = 32768;

    /// <summary>The most loops.</summary>
    public const int MostLoops = 16;

    /// <summary>Parts of the work.</summary>
    public int Parts(int batch)
    {
        Span<StridedAxis> axes = stackalloc StridedAxis[MostLoops];
        return Parts(Kernel(batch, axes));
    }

    /// <summary>Runs one of <see cref="Parts(int)"/>.</summary>
    public void Run(RunState state, int part)
    {
        Span<StridedAxis> axes = stackalloc StridedAxis[MostLoops];
        var kernel = Kernel(state.Batch, axes);
        var (first, end) = WorkSplit.Share(kernel.Units, part, Parts(kernel));
        kernel.Run(
            state.Address(input) + Offset(input, from, state.Batch), state.Address(output) + Offset(output, to, state.Batch),
            (nint)first, (nint)end);
    }

    private static int Parts(StridedCopy kernel) => (int)Math.Clamp(kernel.Bytes / BytesPerPart, Math.Min(1, kernel.Units), kernel.Units);

    private static nint Offset(Slot slot, MoveStart[] starts, int batch)
    {
        nint bytes = 0;
        foreach (var start in starts) bytes += start.Index * slot.AxisBytes(start.Axis, batch);
        return bytes;
    }

    private StridedCopy Kernel(int batch, Span<StridedAxis> axes)
    {
        axes = axes[..loops.Length];
        for (var i = 0; i < axes.Length; i++)
        {
            var loop = loops[i];
            var axis = new StridedAxis(loop.Size.At(batch), loop.FromStep * input.AxisBytes(loop.From, batch), loop.ToStep * output.AxisBytes(loop.To, batch));
            // The closest elements of the result last.
            var at = i;
            for (; at > 0 && axes[at - 1] is var before && before.To < axis.To; at--) axes[at] = before;
            axes[at] = axis;
        }
        return new StridedCopy(axes, input.DataType.SizeInBytes());
    }
}
