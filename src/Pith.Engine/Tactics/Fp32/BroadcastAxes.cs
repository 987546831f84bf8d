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

    // The axes of the result that are longer than 1, in physical order.
    private readonly List<int> _order = [];

    private BroadcastAxes(Slot x, Slot y, Slot output) => (_x, _y, _output) = (x, y, output);

    /// <summary>The axes, or null when the operands are not float, lie in different layouts, are broadcast at some batches only or need more axes than a <see cref="BroadcastLoop"/> has.</summary>
    public static BroadcastAxes? Of(Slot x, Slot y, Slot output)
    {
        if (!Fits(x, output) || !Fits(y, output) || output.DataType != DataType.Float32) return null;
        var axes = new BroadcastAxes(x, y, output);
        foreach (var axis in PhysicalOrder(output))
            if (!axes.TryAdd(axis)) return null;
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
            loop.Sizes[at] = 1;
            for (var i = axis.First; i < axis.First + axis.Count; i++) loop.Sizes[at] *= _output.Shape.Size(_order[i], state.Batch);
            if (axis.MovesX) loop.StridesX[at] = strideX;
            if (axis.MovesY) loop.StridesY[at] = strideY;
            if (axis.MovesX) strideX *= loop.Sizes[at];
            if (axis.MovesY) strideY *= loop.Sizes[at];
        }
        return loop;
    }

    private static bool Fits(Slot operand, Slot output) =>
        operand.DataType == DataType.Float32 && (operand.Shape.IsSingle || operand.Layout == output.Layout && (operand.Shape.Rank == output.Shape.Rank || output.Layout == Layout.RowMajor));

    private static IEnumerable<int> PhysicalOrder(Slot slot)
    {
        var axes = Enumerable.Range(0, slot.Shape.Rank);
        return slot.Layout == Layout.ChannelsLast ? axes.Where(axis => axis != 1).Append(1) : axes;
    }

    // False when it cannot be known before the run whether an operand is broadcast along the axis.
    private bool TryAdd(int axis)
    {
        var size = _output.Shape[axis];
        if (size.IsOne) return true;
        if (Moves(_x, axis) is not { } movesX || Moves(_y, axis) is not { } movesY) return false;
        _order.Add(axis);
        if (_axes.Count > 0 && _axes[^1] is var last && last.MovesX == movesX && last.MovesY == movesY) _axes[^1] = last with { Count = last.Count + 1 };
        else _axes.Add(new Axis(_order.Count - 1, 1, movesX, movesY));
        return true;
    }

    // Whether the operand has the axis; else it is broadcast along it. Operands of lower rank are aligned at the last axis. An axis of the batch beside a fixed one would be broadcast at batch 1 only.
    private bool? Moves(Slot operand, int axis)
    {
        var own = axis - _output.Shape.Rank + operand.Shape.Rank;
        if (own < 0 || operand.Shape.IsSingle || operand.Shape[own].IsOne) return false;
        return operand.Shape[own] == _output.Shape[axis] ? true : null;
    }

    // One or more neighbouring axes of the result in physical order, and which operands have them.
    private readonly record struct Axis(int First, int Count, bool MovesX, bool MovesY);
}
