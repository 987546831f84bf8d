namespace Pith;

/// <summary>The sizes of a tensor that exists: fixed, none negative. Rank 0 is a scalar. Value-equal.</summary>
public readonly record struct Shape
{
    private readonly ValueList<int> _dims;

    /// <summary>A shape with these sizes.</summary>
    /// <exception cref="PithException">A size is negative or the product overflows what one array can hold.</exception>
    public Shape(params ReadOnlySpan<int> dims)
    {
        long length = 1;
        foreach (var dim in dims)
        {
            if (dim < 0) throw new PithException($"A tensor cannot have the negative size {dim} in [{string.Join(",", dims.ToArray())}].");
            length *= dim;
            if (length > Array.MaxLength) throw new PithException($"A tensor of shape [{string.Join(",", dims.ToArray())}] has more elements than the {Array.MaxLength} that one array can hold.");
        }
        _dims = ValueList.Create(dims);
    }

    /// <summary>The sizes, outermost first.</summary>
    public ValueList<int> Dims => _dims;

    /// <summary>The number of dimensions.</summary>
    public int Rank => _dims.Count;

    /// <summary>The number of elements; 1 for a scalar.</summary>
    public int Length
    {
        get
        {
            var length = 1;
            foreach (var dim in _dims.Span) length *= dim;
            return length;
        }
    }

    /// <summary>The size of dimension <paramref name="axis"/>; negative counts from the end.</summary>
    public int this[int axis] => _dims[axis < 0 ? axis + Rank : axis];

    /// <summary>The product of the sizes from <paramref name="from"/> up to and excluding <paramref name="to"/>.</summary>
    public int LengthOf(int from, int to)
    {
        var length = 1;
        for (var axis = from; axis < to; axis++) length *= _dims[axis];
        return length;
    }

    /// <summary>Row-major strides in elements.</summary>
    public int[] Strides()
    {
        var strides = new int[Rank];
        for (int axis = Rank - 1, stride = 1; axis >= 0; stride *= _dims[axis], axis--) strides[axis] = stride;
        return strides;
    }

    /// <summary>This shape with dimension <paramref name="axis"/> set to <paramref name="size"/>.</summary>
    public Shape With(int axis, int size)
    {
        var dims = _dims.ToArray();
        dims[axis < 0 ? axis + Rank : axis] = size;
        return new Shape(dims);
    }

    /// <summary>The sizes in brackets: <c>[1,3,224,224]</c>.</summary>
    public override string ToString() => _dims.ToString();
}
