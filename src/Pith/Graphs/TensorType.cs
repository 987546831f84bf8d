namespace Pith;

/// <summary>What is known of a <see cref="Value"/> before anything runs: the element type and the dimensions, each fixed or symbolic. Value-equal.</summary>
/// <param name="DataType">The element type.</param>
/// <param name="Dims">The dimensions, outermost first; empty for a scalar.</param>
public sealed record TensorType(DataType DataType, ValueList<Dim> Dims)
{
    /// <summary>The most dimensions that a graph's tensors have: enough for every network, and too few for a damaged or hostile file to make work of.</summary>
    public const int MaxRank = 64;

    /// <summary>The type of a tensor that exists.</summary>
    public static TensorType Of(Tensor tensor) => new(tensor.DataType, tensor.Shape.Dims.Select(Dim.Of).ToValueList());

    /// <summary>A 32-bit float type with these dimensions.</summary>
    public static TensorType Float32(params ReadOnlySpan<Dim> dims) => new(DataType.Float32, ValueList.Create(dims));

    /// <summary>The number of dimensions.</summary>
    public int Rank => Dims.Count;

    /// <summary>The dimension <paramref name="axis"/>; negative counts from the end.</summary>
    public Dim this[int axis] => Dims[axis < 0 ? axis + Rank : axis];

    /// <summary>True when every dimension is fixed.</summary>
    public bool IsStatic
    {
        get
        {
            foreach (var dim in Dims.Span) if (!dim.IsFixed) return false;
            return true;
        }
    }

    /// <summary>The sizes, when every dimension is fixed.</summary>
    /// <exception cref="PithException">A dimension is symbolic.</exception>
    public Shape ToShape() => IsStatic
        ? new Shape(Dims.Select(dim => dim.Size).ToArray())
        : throw new PithException($"The shape {Dims} has dimensions that are known by name only. Give each a size first, for example the batch size.");

    /// <summary>The same dimensions with another element type.</summary>
    public TensorType As(DataType type) => new(type, Dims);

    /// <summary>The same element type with other dimensions.</summary>
    public TensorType With(ValueList<Dim> dims) => new(DataType, dims);

    /// <summary>
    /// True when a tensor of type <paramref name="other"/> may stand where this type is declared: same element type and rank, and no two
    /// fixed sizes that differ.
    /// </summary>
    public bool Accepts(TensorType other)
    {
        if (DataType != other.DataType || Rank != other.Rank) return false;
        for (var axis = 0; axis < Rank; axis++)
            if (Dims[axis].IsFixed && other.Dims[axis].IsFixed && Dims[axis] != other.Dims[axis]) return false;
        return true;
    }

    /// <summary>Element type and dimensions: <c>f32[N,3,224,224]</c>.</summary>
    public override string ToString() => $"{DataType.ShortName()}{Dims}";
}
