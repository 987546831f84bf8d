using System.Runtime.InteropServices;
using Google.Protobuf.Collections;

namespace Pith.Onnx;

/// <summary>
/// Turns the <see cref="TensorProto"/>s of one file into <see cref="Tensor"/>s. Sizes are checked against the data that is there before anything is allocated, and a tensor that several nodes have (in functions)
/// is read once, so that memory stays in proportion to the file.
/// </summary>
/// <param name="external">Where external data is found.</param>
internal sealed class TensorReader(ExternalData external)
{
    private readonly Dictionary<TensorProto, Tensor> _read = new(ReferenceEqualityComparer.Instance);

    /// <summary>The tensor.</summary>
    /// <param name="proto">The tensor in the file.</param>
    /// <param name="name">What to call it in messages.</param>
    /// <exception cref="PithException">The element type is not supported, or the data does not fit the shape.</exception>
    public Tensor Read(TensorProto proto, string name) => _read.TryGetValue(proto, out var tensor) ? tensor : _read[proto] = Read(proto, name, external);

    /// <summary>A tensor that is read once only.</summary>
    public static Tensor Read(TensorProto proto, string name, ExternalData external)
    {
        var type = ElementType(proto.DataType) ?? throw Error(name, $"has elements of type {TypeName(proto.DataType)}, which Pith does not compute with");
        var shape = ShapeOf(proto, name);
        if (proto.Segment is not null) throw Error(name, "is split into segments, which ONNX never came to use");
        if (proto.DataLocation == TensorProto.Types.DataLocation.External) return Normalized(external.Read(proto, type, shape, name));
        return proto.HasRawData ? FromBytes(proto.RawData.Span, type, shape, name) : FromTypedField(proto, type, shape, name);
    }

    /// <summary>Pith's element type with ONNX's number <paramref name="onnxType"/>, or null when Pith has none.</summary>
    public static DataType? ElementType(int onnxType) => Enum.IsDefined((DataType)onnxType) ? (DataType)onnxType : null;

    /// <summary>What ONNX calls the element type with this number.</summary>
    public static string TypeName(int onnxType) =>
        Enum.IsDefined((TensorProto.Types.DataType)onnxType) ? ((TensorProto.Types.DataType)onnxType).ToString().ToUpperInvariant() : $"number {onnxType}";

    private static Shape ShapeOf(TensorProto proto, string name) => ShapeOf(proto.Dims, name);

    /// <summary>The shape that a file states, after checking that a tensor can have it.</summary>
    internal static Shape ShapeOf(IReadOnlyCollection<long> dims, string name)
    {
        if (dims.Count > TensorType.MaxRank) throw Error(name, $"has {dims.Count} dimensions; Pith handles up to {TensorType.MaxRank}");
        foreach (var dim in dims)
            if (dim is < 0 or > int.MaxValue) throw Error(name, $"has the size {dim} in its shape");
        return new Shape(dims.Select(dim => (int)dim).ToArray());
    }

    private static Tensor FromBytes(ReadOnlySpan<byte> bytes, DataType type, Shape shape, string name)
    {
        var expected = type.BytesInFile(shape.Length);
        if (bytes.Length != expected) throw Error(name, $"of type {type.ShortName()}{shape} needs {expected} bytes of data, the file has {bytes.Length}");
        var tensor = Tensor.Zeros(type, shape);
        if (type.IsPacked()) Unpack(bytes, tensor);
        else bytes.CopyTo(tensor.Bytes);
        return Normalized(tensor);
    }

    /// <summary>Elements of four bits: the first of a byte in its lower half.</summary>
    internal static void Unpack(ReadOnlySpan<byte> bytes, Tensor tensor)
    {
        int Nibble(ReadOnlySpan<byte> packed, int index) => (packed[index / 2] >> (index % 2 * 4)) & 15;
        for (var i = 0; i < tensor.Length; i++)
        {
            if (tensor is Tensor<Int4> signed) signed.Data[i] = (Int4)Nibble(bytes, i);
            else ((Tensor<UInt4>)tensor).Data[i] = (UInt4)Nibble(bytes, i);
        }
    }

    // A byte other than 0 and 1 would be a bool that is neither true nor false.
    private static Tensor Normalized(Tensor tensor)
    {
        if (tensor.DataType != DataType.Bool) return tensor;
        foreach (ref var element in tensor.Bytes) element = element == 0 ? (byte)0 : (byte)1;
        return tensor;
    }

    private static Tensor FromTypedField(TensorProto proto, DataType type, Shape shape, string name)
    {
        try
        {
            return type switch
            {
                DataType.Float32 => Elements(proto.FloatData, shape, name, x => x),
                DataType.Float64 => Elements(proto.DoubleData, shape, name, x => x),
                DataType.Int64 => Elements(proto.Int64Data, shape, name, x => x),
                DataType.UInt64 => Elements(proto.Uint64Data, shape, name, x => x),
                DataType.UInt32 => Elements(proto.Uint64Data, shape, name, x => checked((uint)x)),
                DataType.Int32 => Elements(proto.Int32Data, shape, name, x => x),
                DataType.Int16 => Elements(proto.Int32Data, shape, name, x => checked((short)x)),
                DataType.UInt16 => Elements(proto.Int32Data, shape, name, x => checked((ushort)x)),
                DataType.Int8 => Elements(proto.Int32Data, shape, name, x => checked((sbyte)x)),
                DataType.UInt8 => Elements(proto.Int32Data, shape, name, x => checked((byte)x)),
                DataType.Bool => Elements(proto.Int32Data, shape, name, x => x != 0),
                DataType.Float16 => Elements(proto.Int32Data, shape, name, x => BitConverter.UInt16BitsToHalf(checked((ushort)x))),
                DataType.BFloat16 or DataType.Float8E4M3 or DataType.Float8E5M2 or DataType.UInt4 or DataType.Int4 => FromBits(proto.Int32Data, type, shape, name),
                _ => throw Error(name, $"has elements of type {type}"),
            };
        }
        catch (OverflowException)
        {
            throw Error(name, $"has a value that does not fit its element type {type.ShortName()}");
        }
    }

    // Types of 16 bits and fewer that have no field of their own are in that of int32, each number the bits of one element, or of two of four bits.
    private static Tensor FromBits(RepeatedField<int> field, DataType type, Shape shape, string name)
    {
        if (type == DataType.BFloat16) return FromBytes(MemoryMarshal.AsBytes<ushort>(Elements(field, new Shape(field.Count), name, x => checked((ushort)x)).Data), type, shape, name);
        return FromBytes(Elements(field, new Shape(field.Count), name, x => unchecked((byte)checked((short)x))).Data, type, shape, name);
    }

    private static Tensor<TTo> Elements<TFrom, TTo>(RepeatedField<TFrom> field, Shape shape, string name, Func<TFrom, TTo> convert) where TTo : unmanaged
    {
        if (field.Count != shape.Length) throw Error(name, $"of shape {shape} needs {shape.Length} elements, the file has {field.Count}");
        var elements = new TTo[field.Count];
        for (var i = 0; i < elements.Length; i++) elements[i] = convert(field[i]);
        return Tensor.Create(shape, elements);
    }

    private static PithException Error(string name, string problem) => new($"Tensor '{name}' {problem}.");
}
