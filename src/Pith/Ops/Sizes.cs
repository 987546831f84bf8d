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

    /// <summary>What a size is divided into; null when a fixed one does not divide. One that is known by name must divide at the run, where it is checked.</summary>
    public static Dim? Quotient(Dim size, Dim divisor) =>
        Dim.DivideExactly(size, divisor) ?? (size.IsFixed && divisor.IsFixed || divisor == 0 ? null : Dim.FloorDivide(size, divisor));

    /// <summary>A number that is the size of an axis.</summary>
    /// <exception cref="PithException">It is negative, or larger than any axis.</exception>
    public static int Size(long number) => number is >= 0 and <= int.MaxValue ? (int)number : throw new PithException($"{number} is not a size that an axis can have (0 to {int.MaxValue}).");

    /// <summary>The shape that an integer vector spells.</summary>
    /// <exception cref="PithException">A number is not a size, or there are more elements than one array can hold.</exception>
    public static Shape AsShape(Tensor sizes) => new([.. sizes.ToInt64s().Select(Size)]);

    /// <summary>The axis counted from the front.</summary>
    public static int Axis(int axis, int rank) => axis < 0 ? axis + rank : axis;

    /// <summary>The sizes before, at and after an axis: element [o, i, j] of the tensor so seen is at (o * Size + i) * Inner + j.</summary>
    public static (int Outer, int Size, int Inner) Split(Shape shape, int axis) =>
        (shape.LengthOf(0, axis), shape[axis], shape.LengthOf(axis + 1, shape.Rank));
}
