namespace Pith;

/// <summary>Element types that a tensor can have. The numbers are those of ONNX's <c>TensorProto.DataType</c>.</summary>
public enum DataType
{
    /// <summary>32-bit IEEE float.</summary>
    Float32 = 1,
    /// <summary>Unsigned 8-bit integer.</summary>
    UInt8 = 2,
    /// <summary>Signed 8-bit integer.</summary>
    Int8 = 3,
    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 4,
    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 5,
    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 6,
    /// <summary>Signed 64-bit integer.</summary>
    Int64 = 7,
    /// <summary>Boolean, one byte.</summary>
    Bool = 9,
    /// <summary>16-bit IEEE float (<see cref="Half"/>).</summary>
    Float16 = 10,
    /// <summary>64-bit IEEE float.</summary>
    Float64 = 11,
    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 12,
    /// <summary>Unsigned 64-bit integer.</summary>
    UInt64 = 13,
    /// <summary>16-bit float with the exponent of a 32-bit one (<see cref="Pith.BFloat16"/>); read and converted, not computed with.</summary>
    BFloat16 = 16,
    /// <summary>8-bit float without infinity (<see cref="Pith.Float8E4M3"/>); read, converted and quantized to.</summary>
    Float8E4M3 = 17,
    /// <summary>8-bit float of larger range (<see cref="Pith.Float8E5M2"/>); read, converted and quantized to.</summary>
    Float8E5M2 = 19,
    /// <summary>Unsigned 4-bit integer (<see cref="Pith.UInt4"/>), one byte each in memory; read, converted and quantized to.</summary>
    UInt4 = 21,
    /// <summary>Signed 4-bit integer (<see cref="Pith.Int4"/>), one byte each in memory; read, converted and quantized to.</summary>
    Int4 = 22,
}

/// <summary>Facts about <see cref="DataType"/>s.</summary>
public static class DataTypes
{
    /// <summary>The type of a .NET element type, e.g. <see cref="DataType.Float32"/> for <see cref="float"/>.</summary>
    /// <exception cref="PithException">No tensor holds <typeparamref name="T"/>.</exception>
    public static DataType Of<T>() where T : unmanaged
    {
        if (typeof(T) == typeof(float)) return DataType.Float32;
        if (typeof(T) == typeof(byte)) return DataType.UInt8;
        if (typeof(T) == typeof(sbyte)) return DataType.Int8;
        if (typeof(T) == typeof(ushort)) return DataType.UInt16;
        if (typeof(T) == typeof(short)) return DataType.Int16;
        if (typeof(T) == typeof(int)) return DataType.Int32;
        if (typeof(T) == typeof(long)) return DataType.Int64;
        if (typeof(T) == typeof(bool)) return DataType.Bool;
        if (typeof(T) == typeof(Half)) return DataType.Float16;
        if (typeof(T) == typeof(double)) return DataType.Float64;
        if (typeof(T) == typeof(uint)) return DataType.UInt32;
        if (typeof(T) == typeof(ulong)) return DataType.UInt64;
        if (typeof(T) == typeof(BFloat16)) return DataType.BFloat16;
        if (typeof(T) == typeof(Float8E4M3)) return DataType.Float8E4M3;
        if (typeof(T) == typeof(Float8E5M2)) return DataType.Float8E5M2;
        if (typeof(T) == typeof(UInt4)) return DataType.UInt4;
        if (typeof(T) == typeof(Int4)) return DataType.Int4;
        throw new PithException($"A tensor cannot hold elements of type {typeof(T).Name}.");
    }

    /// <summary>Bytes of one element in memory.</summary>
    public static int SizeInBytes(this DataType type) => type switch
    {
        DataType.UInt8 or DataType.Int8 or DataType.Bool or DataType.UInt4 or DataType.Int4 or DataType.Float8E4M3 or DataType.Float8E5M2 => 1,
        DataType.UInt16 or DataType.Int16 or DataType.Float16 or DataType.BFloat16 => 2,
        DataType.Float32 or DataType.Int32 or DataType.UInt32 => 4,
        _ => 8,
    };

    /// <summary>Bytes that <paramref name="elements"/> elements take in a file, where two of four bits share one.</summary>
    public static long BytesInFile(this DataType type, long elements) => type.IsPacked() ? (elements + 1) / 2 : elements * type.SizeInBytes();

    /// <summary>True for the types of four bits, of which a file holds two in a byte.</summary>
    public static bool IsPacked(this DataType type) => type is DataType.UInt4 or DataType.Int4;

    /// <summary>True for 8-bit floats.</summary>
    public static bool IsFloat8(this DataType type) => type is DataType.Float8E4M3 or DataType.Float8E5M2;

    /// <summary>True for the IEEE floats of 16, 32 and 64 bits, which ops compute with.</summary>
    public static bool IsFloat(this DataType type) => type is DataType.Float32 or DataType.Float16 or DataType.Float64;

    /// <summary>True for int8 and uint8, the types that INT8 inference computes on.</summary>
    public static bool IsQuantized(this DataType type) => type is DataType.Int8 or DataType.UInt8;

    /// <summary>The short name that printed graphs use: <c>f32</c>, <c>s8</c>, <c>u8</c>, <c>s64</c>.</summary>
    public static string ShortName(this DataType type) => type switch
    {
        DataType.Float32 => "f32",
        DataType.Float16 => "f16",
        DataType.Float64 => "f64",
        DataType.UInt8 => "u8",
        DataType.Int8 => "s8",
        DataType.UInt16 => "u16",
        DataType.Int16 => "s16",
        DataType.UInt32 => "u32",
        DataType.Int32 => "s32",
        DataType.UInt64 => "u64",
        DataType.Int64 => "s64",
        DataType.Bool => "bool",
        DataType.BFloat16 => "bf16",
        DataType.Float8E4M3 => "f8e4m3",
        DataType.Float8E5M2 => "f8e5m2",
        DataType.UInt4 => "u4",
        DataType.Int4 => "s4",
        _ => type.ToString(),
    };
}
