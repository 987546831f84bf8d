namespace Pith.Ops;

/// <summary>Arithmetic on dimensions and axes that several ops need.</summary>
internal static class Sizes
{
    /// <summary>The product; a symbolic dimension counts as 1.</summary>
    public static long Product(ReadOnlySpan<Dim> dims)
    {
        long product = 1;
        foreach (var dim in dims) product *= dim.IsFixed ? dim.Size : 1;
        return product;
    }

    /// <summary>True unless both sizes are fixed and differ.</summary>
    public static bool MayBeEqual(Dim a, Dim b) => !a.IsFixed || !b.IsFixed || a == b;

    /// <summary>The axis counted from the front.</summary>
    public static int Axis(int axis, int rank) => axis < 0 ? axis + rank : axis;

    /// <summary>The sizes before, at and after an axis: element [o, i, j] of the tensor so seen is at (o * Size + i) * Inner + j.</summary>
    public static (int Outer, int Size, int Inner) Split(Shape shape, int axis) =>
        (shape.LengthOf(0, axis), shape[axis], shape.LengthOf(axis + 1, shape.Rank));
}
