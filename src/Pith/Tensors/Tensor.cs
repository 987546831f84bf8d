using System.Runtime.InteropServices;

namespace Pith;

/// <summary>
/// A dense row-major array with a shape. The elements are mutable and owned by whoever created the tensor; the shape and type are not.
/// Reading from several threads is safe while nobody writes.
/// </summary>
public abstract class Tensor
{
    private protected Tensor(Shape shape, DataType dataType)
    {
        Shape = shape;
        DataType = dataType;
    }

    /// <summary>The sizes.</summary>
    public Shape Shape { get; }

    /// <summary>The element type.</summary>
    public DataType DataType { get; }

    /// <summary>The number of elements.</summary>
    public int Length => Shape.Length;

    /// <summary>The elements as bytes in the machine's order, over the tensor's own memory.</summary>
    public abstract Span<byte> Bytes { get; }

    /// <summary>The tensor seen with its element type.</summary>
    /// <exception cref="PithException">The elements are of another type.</exception>
    public Tensor<T> As<T>() where T : unmanaged =>
        this as Tensor<T> ?? throw new PithException($"A tensor of type {DataTypes.Of<T>().ShortName()} was expected, got {this}.");

    /// <summary>A tensor over <paramref name="data"/>, which it takes over without a copy.</summary>
    /// <exception cref="PithException">The length does not match the shape.</exception>
    public static Tensor<T> Create<T>(Shape shape, T[] data) where T : unmanaged => new(shape, data);

    /// <summary>A tensor of zeros.</summary>
    public static Tensor<T> Zeros<T>(Shape shape) where T : unmanaged => new(shape, new T[shape.Length]);

    /// <summary>A tensor of zeros with the type <paramref name="type"/>.</summary>
    public static Tensor Zeros(DataType type, Shape shape) => New(type, shape, isZeroed: true);

    /// <summary>A tensor with whatever is in memory, for those who write all of it.</summary>
    internal static Tensor Uninitialized(DataType type, Shape shape) => New(type, shape, isZeroed: false);

    private static Tensor New(DataType type, Shape shape, bool isZeroed) => type switch
    {
        DataType.Float32 => New<float>(shape, isZeroed),
        DataType.Float16 => New<Half>(shape, isZeroed),
        DataType.Float64 => New<double>(shape, isZeroed),
        DataType.UInt8 => New<byte>(shape, isZeroed),
        DataType.Int8 => New<sbyte>(shape, isZeroed),
        DataType.UInt16 => New<ushort>(shape, isZeroed),
        DataType.Int16 => New<short>(shape, isZeroed),
        DataType.UInt32 => New<uint>(shape, isZeroed),
        DataType.Int32 => New<int>(shape, isZeroed),
        DataType.UInt64 => New<ulong>(shape, isZeroed),
        DataType.Int64 => New<long>(shape, isZeroed),
        DataType.Bool => New<bool>(shape, isZeroed),
        DataType.BFloat16 => New<BFloat16>(shape, isZeroed),
        DataType.Float8E4M3 => New<Float8E4M3>(shape, isZeroed),
        DataType.Float8E5M2 => New<Float8E5M2>(shape, isZeroed),
        DataType.UInt4 => New<UInt4>(shape, isZeroed),
        DataType.Int4 => New<Int4>(shape, isZeroed),
        _ => throw new PithException($"A tensor cannot hold elements of type {type}."),
    };

    private static Tensor<T> New<T>(Shape shape, bool isZeroed) where T : unmanaged => new(shape, isZeroed ? new T[shape.Length] : GC.AllocateUninitializedArray<T>(shape.Length));

    /// <summary>A rank-0 tensor.</summary>
    public static Tensor<T> Scalar<T>(T value) where T : unmanaged => new(new Shape(), [value]);

    /// <summary>A rank-1 tensor with a copy of <paramref name="values"/>.</summary>
    public static Tensor<T> Vector<T>(params ReadOnlySpan<T> values) where T : unmanaged => new(new Shape(values.Length), values.ToArray());

    /// <summary>The same elements (shared, not copied) under another shape of the same length.</summary>
    /// <exception cref="PithException">The lengths differ.</exception>
    public abstract Tensor Reshape(Shape shape);

    /// <summary>A copy that shares nothing.</summary>
    public abstract Tensor Clone();

    /// <summary>
    /// The elements converted as ONNX Cast does: floats to integers truncate toward zero, integers wrap, non-zero is true; floats of 8 bits saturate.
    /// NaN and floats that an integer of 32 bits (64 for 64-bit types) cannot hold become the smallest one, of which narrower types take the low bits.
    /// Returns this tensor itself when it has the type already.
    /// </summary>
    public Tensor ConvertTo(DataType type) => type == DataType ? this : type switch
    {
        DataType.Float32 => Convert<float>(),
        DataType.Float16 => Convert<Half>(),
        DataType.Float64 => Convert<double>(),
        DataType.UInt8 => Convert<byte>(),
        DataType.Int8 => Convert<sbyte>(),
        DataType.UInt16 => Convert<ushort>(),
        DataType.Int16 => Convert<short>(),
        DataType.UInt32 => Convert<uint>(),
        DataType.Int32 => Convert<int>(),
        DataType.UInt64 => Convert<ulong>(),
        DataType.Int64 => Convert<long>(),
        DataType.Bool => Convert<bool>(),
        DataType.BFloat16 => Convert<BFloat16>(),
        DataType.Float8E4M3 => Convert<Float8E4M3>(),
        DataType.Float8E5M2 => Convert<Float8E5M2>(),
        DataType.UInt4 => Convert<UInt4>(),
        DataType.Int4 => Convert<Int4>(),
        _ => throw new PithException($"A tensor cannot hold elements of type {type}."),
    };

    /// <summary>The elements as 64-bit integers, a copy; meant for shapes, axes and other small operands.</summary>
    /// <exception cref="PithException">The elements are not integers.</exception>
    public long[] ToInt64s() => this switch
    {
        Tensor<long> t => t.Span.ToArray(),
        Tensor<int> t => Array.ConvertAll(t.Span.ToArray(), x => (long)x),
        _ => throw new PithException($"Integers were expected, got {this}."),
    };

    private protected abstract Tensor<TTo> Convert<TTo>() where TTo : unmanaged;

    /// <summary>Type and shape: <c>f32[1,3,224,224]</c>.</summary>
    public override string ToString() => $"{DataType.ShortName()}{Shape}";
}

/// <summary>A dense row-major array of <typeparamref name="T"/> with a shape; see <see cref="Tensor"/> for ownership and threads.</summary>
public sealed class Tensor<T> : Tensor where T : unmanaged
{
    internal Tensor(Shape shape, T[] data) : base(shape, DataTypes.Of<T>())
    {
        if (data.Length != shape.Length) throw new PithException($"A tensor of shape {shape} needs {shape.Length} elements, got {data.Length}.");
        Data = data;
    }

    /// <summary>The elements, row-major; the tensor's own memory.</summary>
    public T[] Data { get; }

    /// <summary>The elements as a span.</summary>
    public Span<T> Span => Data;

    /// <inheritdoc/>
    public override Span<byte> Bytes => MemoryMarshal.AsBytes(Data.AsSpan());

    /// <inheritdoc/>
    public override Tensor<T> Reshape(Shape shape) => new(shape, Data);

    /// <inheritdoc/>
    public override Tensor<T> Clone() => new(Shape, [.. Data]);

    private protected override Tensor<TTo> Convert<TTo>()
    {
        var result = new TTo[Data.Length];
        for (var i = 0; i < result.Length; i++) result[i] = ElementCast.Convert<T, TTo>(Data[i]);
        return new Tensor<TTo>(Shape, result);
    }
}
