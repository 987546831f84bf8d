namespace Pith;

/// <summary>NumPy-style broadcasting as ONNX defines it: shapes are aligned at the last axis; a size of 1 stretches.</summary>
internal static class Broadcasting
{
    /// <summary>The dimensions of the result, or null when two sizes differ and neither is 1.</summary>
    public static ValueList<Dim>? Combine(ValueList<Dim> left, ValueList<Dim> right)
    {
        var rank = Math.Max(left.Count, right.Count);
        var dims = new Dim[rank];
        for (var axis = 0; axis < rank; axis++)
        {
            var a = axis < rank - left.Count ? 1 : left[axis - rank + left.Count];
            var b = axis < rank - right.Count ? 1 : right[axis - rank + right.Count];
            if (Dim.Broadcast(a, b) is not { } size) return null;
            dims[axis] = size;
        }
        return ValueList.Create<Dim>(dims);
    }

    /// <summary>The shape of the result of two shapes that are known to combine.</summary>
    public static Shape Combine(Shape left, Shape right)
    {
        var dims = Combine(left.Dims.Select(Dim.Of).ToValueList(), right.Dims.Select(Dim.Of).ToValueList())
            ?? throw new PithException($"Shapes {left} and {right} cannot be broadcast together.");
        return new Shape(dims.Select(dim => dim.Size).ToArray());
    }

    /// <summary>Strides with which a tensor of shape <paramref name="from"/> is read as if it had shape <paramref name="to"/>: 0 along stretched axes.</summary>
    public static int[] Strides(Shape from, Shape to)
    {
        var own = from.Strides();
        var strides = new int[to.Rank];
        for (var axis = 0; axis < to.Rank; axis++)
        {
            var ownAxis = axis - to.Rank + from.Rank;
            strides[axis] = ownAxis < 0 || from.Dims[ownAxis] == 1 ? 0 : own[ownAxis];
        }
        return strides;
    }

    /// <summary>Applies <paramref name="combine"/> to every pair of elements of the broadcast operands.</summary>
    public static Tensor<TResult> Map<T1, T2, TResult>(Tensor<T1> left, Tensor<T2> right, Func<T1, T2, TResult> combine)
        where T1 : unmanaged where T2 : unmanaged where TResult : unmanaged
    {
        var shape = Combine(left.Shape, right.Shape);
        var result = Tensor.Zeros<TResult>(shape);
        if (shape.Rank == 0)
        {
            result.Data[0] = combine(left.Data[0], right.Data[0]);
            return result;
        }
        var leftStrides = Strides(left.Shape, shape);
        var rightStrides = Strides(right.Shape, shape);
        var index = new int[shape.Rank];
        // One row (a run along the last axis) at a time; the offsets of its first elements move with the outer axes.
        int row = shape[-1], leftStep = leftStrides[^1], rightStep = rightStrides[^1];
        for (int i = 0, l = 0, r = 0; i < result.Length; i += row)
        {
            for (var k = 0; k < row; k++) result.Data[i + k] = combine(left.Data[l + k * leftStep], right.Data[r + k * rightStep]);
            for (var axis = shape.Rank - 2; axis >= 0; axis--)
            {
                l += leftStrides[axis];
                r += rightStrides[axis];
                if (++index[axis] < shape[axis]) break;
                l -= leftStrides[axis] * shape[axis];
                r -= rightStrides[axis] * shape[axis];
                index[axis] = 0;
            }
        }
        return result;
    }
}
