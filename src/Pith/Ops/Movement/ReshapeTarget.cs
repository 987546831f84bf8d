namespace Pith.Ops;

/// <summary>Spells the dimensions of a result as the second operand of a Reshape.</summary>
internal static class ReshapeTarget
{
    /// <summary>Sizes, 0 for an axis that keeps its symbol, and one -1; null when these cannot say it.</summary>
    public static Tensor? Of(TensorType from, TensorType to)
    {
        var target = new long[to.Rank];
        var open = -1;
        for (var axis = 0; axis < target.Length; axis++)
        {
            // A fixed size of 0 would be read as "keep".
            if (to[axis] is { IsFixed: true, Size: 0 }) return null;
            if (to[axis].IsFixed) target[axis] = to[axis].Size;
            else if (axis < from.Rank && from[axis] == to[axis]) target[axis] = 0;
            else if (open < 0) target[open = axis] = -1;
            else return null;
        }
        return Tensor.Vector<long>(target);
    }
}
