namespace Pith.Onnx;

/// <summary>Turns a <see cref="SparseTensorProto"/> into a dense <see cref="Tensor"/>: Pith finds the zeros of weights itself.</summary>
internal static class SparseTensorReader
{
    // A few bytes can promise any number of zeros.
    private const int MostElements = 1 << 26;

    /// <summary>The tensor: zeros, and the values at their places.</summary>
    /// <exception cref="PithException">The type is not supported, a position is outside of the shape, or the tensor is too large to be made dense.</exception>
    public static Tensor Read(SparseTensorProto proto, string name, TensorReader tensors)
    {
        PithException Error(string problem) => new($"Sparse tensor '{name}' {problem}.");
        if (proto.Values is null || proto.Indices is null) throw Error("has no values or no indices");
        var shape = TensorReader.ShapeOf(proto.Dims, name);
        if (shape.Length > MostElements) throw Error($"of shape {shape} has more than {MostElements} elements; store it dense");
        var (values, indices) = (tensors.Read(proto.Values, name), tensors.Read(proto.Indices, $"{name} indices"));
        if (indices.DataType != DataType.Int64 || values.Shape.Rank != 1) throw Error($"needs a vector of values and int64 indices, got {values} and {indices}");
        var linear = indices.Shape.Rank == 1;
        if (indices.Shape.Rank is < 1 or > 2 || indices.Shape[0] != values.Length || (!linear && indices.Shape[1] != shape.Rank))
            throw Error($"of shape {shape} has {values.Length} values and indices of shape {indices.Shape}; expected [{values.Length}] or [{values.Length},{shape.Rank}]");

        var (dense, places, strides, size) = (Tensor.Zeros(values.DataType, shape), indices.As<long>().Data, shape.Strides(), values.DataType.SizeInBytes());
        for (var i = 0; i < values.Length; i++)
        {
            long place = linear ? places[i] : 0;
            for (var axis = 0; axis < shape.Rank && !linear; axis++)
            {
                var index = places[i * shape.Rank + axis];
                if (index < 0 || index >= shape[axis]) throw Error($"of shape {shape} has a value at index {index} of axis {axis}");
                place += index * strides[axis];
            }
            if (place < 0 || place >= shape.Length) throw Error($"of shape {shape} has a value at position {place}");
            values.Bytes.Slice(i * size, size).CopyTo(dense.Bytes[(int)(place * size)..]);
        }
        return dense;
    }
}
