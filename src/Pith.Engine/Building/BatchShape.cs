namespace Pith.Building;

/// <summary>The shape of a value whose dimensions are fixed or a multiple of the batch, so that one engine runs every batch up to its largest.</summary>
/// <param name="Dims">Sizes at batch 1.</param>
/// <param name="Scales">Which dimensions are multiplied by the batch.</param>
internal sealed record BatchShape(ValueList<int> Dims, ValueList<bool> Scales)
{
    /// <summary>A shape without batch.</summary>
    public static BatchShape Fixed(Shape shape) => new(shape.Dims, ValueList.Repeat(false, shape.Rank));

    /// <summary>The shape that is <paramref name="one"/> at batch 1 and <paramref name="many"/> at batch <paramref name="batch"/>; null when a dimension is neither fixed nor proportional.</summary>
    public static BatchShape? Between(Shape one, Shape many, int batch)
    {
        var scales = new bool[one.Rank];
        for (var axis = 0; axis < one.Rank; axis++)
        {
            if (one[axis] == many[axis]) continue;
            if (one[axis] * batch != many[axis]) return null;
            scales[axis] = true;
        }
        return new BatchShape(one.Dims, ValueList.Create<bool>(scales));
    }

    public int Rank => Dims.Count;

    /// <summary>True when only the outermost dimension grows with the batch, which is what layers that work image by image need.</summary>
    public bool IsBatched => Rank > 0 && Scales[0] && !Scales.Skip(1).Any(scales => scales);

    public int Size(int axis, int batch) => Scales[axis] ? Dims[axis] * batch : Dims[axis];

    public long Elements(int batch)
    {
        long elements = 1;
        for (var axis = 0; axis < Rank; axis++) elements *= Size(axis, batch);
        return elements;
    }

    public Shape At(int batch)
    {
        var dims = Dims.ToArray();
        for (var axis = 0; axis < dims.Length; axis++) dims[axis] = Size(axis, batch);
        return new Shape(dims);
    }

    public override string ToString() => $"[{string.Join(",", Enumerable.Range(0, Rank).Select(axis => !Scales[axis] ? $"{Dims[axis]}" : Dims[axis] == 1 ? "N" : $"{Dims[axis]}*N"))}]";
}
