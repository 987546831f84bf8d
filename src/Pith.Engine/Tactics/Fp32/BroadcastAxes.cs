using Pith.Building;
using Pith.Kernels.Simd;
using Pith.Runtime;

namespace Pith.Tactics;

/// <summary>How the operands of an element-wise layer run through the axes of its result, in physical order; neighbouring axes that behave alike are one.</summary>
internal sealed class BroadcastAxes
{
    private readonly Slot _x;
    private readonly Slot _y;
    private readonly Slot _output;
    private readonly List<Axis> _axes = [];

    private BroadcastAxes(Slot x, Slot y, Slot output) => (_x, _y, _output) = (x, y, output);

    /// <summary>The axes, or null when the operands are not float, lie in different layouts or need more axes than a <see cref="BroadcastLoop"/> has.</summary>
    public static BroadcastAxes? Of(Slot x, Slot y, Slot output)
    {
        if (!Fits(x, output) || !Fits(y, output) || output.DataType != DataType.Float32) return null;
        var axes = new BroadcastAxes(x, y, output);
        foreach (var axis in PhysicalOrder(output)) axes.Add(axis);
        return axes._axes.Count <= BroadcastLoop.MaxAxes ? axes : null;
    }

    /// <summary>The loop at the run's batch.</summary>
    public unsafe BroadcastLoop At(RunState state)
    {
        var loop = new BroadcastLoop { X = (float*)state.Address(_x), Y = (float*)state.Address(_y), Out = (float*)state.Address(_output) };
        long strideX = 1, strideY = 1;
        for (var at = BroadcastLoop.MaxAxes - 1; at >= 0; at--)
        {
            var index = at - (BroadcastLoop.MaxAxes - _axes.Count);
            if (index < 0)
            {
                loop.Sizes[at] = 1;
                continue;
            }
            var axis = _axes[index];
            loop.Sizes[at] = axis.Size;
            for (var i = 0; i < axis.Scales; i++) loop.Sizes[at] *= state.Batch;
            if (axis.MovesX) loop.StridesX[at] = strideX;
            if (axis.MovesY) loop.StridesY[at] = strideY;
            if (axis.MovesX) strideX *= loop.Sizes[at];
            if (axis.MovesY) strideY *= loop.Sizes[at];
        }
        return loop;
    }

    private static bool IsSingle(Slot slot) => slot.Shape.Elements(2) == 1;

    private static bool Fits(Slot operand, Slot output) =>
        operand.DataType == DataType.Float32 && (IsSingle(operand) || operand.Layout == output.Layout && (operand.Shape.Rank == output.Shape.Rank || output.Layout == Layout.RowMajor));

    private static IEnumerable<int> PhysicalOrder(Slot slot)
    {
        var axes = Enumerable.Range(0, slot.Shape.Rank);
        return slot.Layout == Layout.ChannelsLast ? axes.Where(axis => axis != 1).Append(1) : axes;
    }

    private void Add(int axis)
    {
        var (size, scales) = (_output.Shape.Dims[axis], _output.Shape.Scales[axis]);
        if (size == 1 && !scales) return;
        var next = new Axis(size, scales ? 1 : 0, Moves(_x, axis), Moves(_y, axis));
        if (_axes.Count > 0 && _axes[^1] is var last && last.MovesX == next.MovesX && last.MovesY == next.MovesY)
            _axes[^1] = last with { Size = last.Size * next.Size, Scales = last.Scales + next.Scales };
        else
            _axes.Add(next);
    }

    // Whether the operand has the axis; else it is broadcast along it. Operands of lower rank are aligned at the last axis.
    private bool Moves(Slot operand, int axis)
    {
        var own = axis - _output.Shape.Rank + operand.Shape.Rank;
        return own >= 0 && !IsSingle(operand) && operand.Shape.Dims[own] == _output.Shape.Dims[axis] && operand.Shape.Scales[own] == _output.Shape.Scales[axis];
    }

    private readonly record struct Axis(long Size, int Scales, bool MovesX, bool MovesY);
}
