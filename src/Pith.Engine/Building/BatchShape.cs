namespace Pith.Building;

/// <summary>The shape of a value whose sizes are fixed or a multiple of the batch, so that one engine runs every batch up to its largest.</summary>
/// <param name="Axes">The sizes, outermost first.</param>
internal sealed record BatchShape(ValueList<BatchSize> Axes)
{
    /// <summary>A shape without batch.</summary>
    public static BatchShape Fixed(Shape shape) => new(shape.Dims.Select(BatchSize.Of).ToValueList());

    public int Rank => Axes.Count;

    /// <summary>The size of an axis; negative counts from the end.</summary>
    public BatchSize this[int axis] => Axes[axis < 0 ? axis + Rank : axis];

    /// <summary>True when the shape is the same at every batch.</summary>
    public bool IsFixed => !GrowsFrom(0);

    /// <summary>True when no axis but the outermost grows with the batch: each index of it is an image, a row or the like of fixed sizes.</summary>
    public bool IsFixedPerImage => !GrowsFrom(1);

    /// <summary>True when the outermost axis grows with the batch, and no other: what layers that are run image by image need.</summary>
    public bool IsBatched => Rank > 0 && Axes[0].Grows && IsFixedPerImage;

    /// <summary>True for one element at every batch.</summary>
    public bool IsSingle => Axes.All(size => size.IsOne);

    /// <summary>True when there are no elements, at any batch.</summary>
    public bool IsEmpty => Axes.Any(size => size.IsZero);

    /// <summary>Whether <paramref name="axis"/> or one after it grows with the batch.</summary>
    public bool GrowsFrom(int axis)
    {
        for (; axis < Rank; axis++)
            if (Axes[axis].Grows) return true;
        return false;
    }

    /// <summary>The fixed sizes from <paramref name="axis"/> on.</summary>
    /// <exception cref="BatchDependentException">One of them grows with the batch.</exception>
    public int[] FixedFrom(int axis) => [.. Axes.Skip(axis).Select(size => size.Fixed)];

    /// <summary>The size of an axis, counted from the front, at a batch.</summary>
    public int Size(int axis, int batch) => Axes[axis].At(batch);

    public long Elements(int batch)
    {
        long elements = 1;
        foreach (var size in Axes.Span) elements = checked(elements * size.At(batch));
        return elements;
    }

    public Shape At(int batch)
    {
        var dims = new int[Rank];
        for (var axis = 0; axis < dims.Length; axis++) dims[axis] = Size(axis, batch);
        return new Shape(dims);
    }

    /// <summary>The batch at which the shape is <paramref name="shape"/>, 1 when it is fixed; null when there is none.</summary>
    public int? BatchOf(Shape shape)
    {
        if (shape.Rank != Rank) return null;
        var batch = 1;
        for (var axis = 0; axis < Rank; axis++)
            if (Axes[axis].Grows) batch = Math.Max(1, shape[axis] / Axes[axis].At(1));
        return At(batch) == shape ? batch : null;
    }

    public override string ToString() => $"[{string.Join(",", Axes)}]";
}
