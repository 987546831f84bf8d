namespace Pith.Serving;

/// <summary>The protocol's names of element types.</summary>
internal static class WireType
{
    /// <summary>Elements of any length: each is preceded by its length, four bytes little-endian.</summary>
    public const string Bytes = "BYTES";

    private static readonly (DataType Type, string Name, Protocol.DataType Config)[] s_all =
    [
        (DataType.Bool, "BOOL", Protocol.DataType.TypeBool),
        (DataType.UInt8, "UINT8", Protocol.DataType.TypeUint8),
        (DataType.UInt16, "UINT16", Protocol.DataType.TypeUint16),
        (DataType.UInt32, "UINT32", Protocol.DataType.TypeUint32),
        (DataType.UInt64, "UINT64", Protocol.DataType.TypeUint64),
        (DataType.Int8, "INT8", Protocol.DataType.TypeInt8),
        (DataType.Int16, "INT16", Protocol.DataType.TypeInt16),
        (DataType.Int32, "INT32", Protocol.DataType.TypeInt32),
        (DataType.Int64, "INT64", Protocol.DataType.TypeInt64),
        (DataType.Float16, "FP16", Protocol.DataType.TypeFp16),
        (DataType.Float32, "FP32", Protocol.DataType.TypeFp32),
        (DataType.Float64, "FP64", Protocol.DataType.TypeFp64),
        (DataType.BFloat16, "BF16", Protocol.DataType.TypeBf16),
    ];

    /// <summary>The names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_all.Select(type => type.Name)) + ", " + Bytes;

    /// <summary>The name of a type; null where the protocol has none.</summary>
    public static string? NameOf(DataType type) => Array.Find(s_all, known => known.Type == type).Name;

    /// <summary>The type of a name; null for BYTES and for what is not a name.</summary>
    public static DataType? Find(string name)
    {
        foreach (var known in s_all)
            if (known.Name == name) return known.Type;
        return null;
    }

    /// <summary>What a model's configuration calls a type.</summary>
    public static Protocol.DataType ConfigOf(DataType type) => Array.Find(s_all, known => known.Type == type).Config;
}
