using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Pith.Serving;

/// <summary>The elements of a tensor as JSON numbers, truth values or strings. Numbers are read and written so that every float is the same bits again.</summary>
internal static class JsonTensor
{
    /// <summary>Reads <c>data</c>: one flat array, or arrays nested as the shape says.</summary>
    /// <param name="reader">On the value.</param>
    /// <param name="name">The input.</param>
    /// <param name="dataType">The protocol's name of the element type.</param>
    /// <param name="shape">The sizes; none negative.</param>
    /// <param name="isBase64">Whether the strings of a BYTES tensor are bytes in base64.</param>
    /// <exception cref="RequestException">The elements do not fit the type or the shape.</exception>
    public static byte[] Read(ref Utf8JsonReader reader, string name, string dataType, long[] shape, bool isBase64)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw RequestException.Invalid($"Input '{name}': data must be an array, got {reader.TokenType}.");
        var elements = new Elements(name, dataType, shape, isBase64);
        // Flat unless the first element is an array.
        var ahead = reader;
        ahead.Read();
        if (ahead.TokenType == JsonTokenType.StartArray) elements.Nested(ref reader, 0);
        else elements.Flat(ref reader);
        return elements.ToArray();
    }

    /// <summary>Writes the elements as one flat array.</summary>
    /// <exception cref="RequestException">There are elements that JSON cannot express.</exception>
    public static void Write(Utf8JsonWriter writer, ResponseTensor tensor)
    {
        writer.WriteStartArray();
        var data = tensor.Data.AsSpan();
        switch (tensor.DataType)
        {
            case "BOOL": foreach (var value in data) writer.WriteBooleanValue(value != 0); break;
            case "UINT8": foreach (var value in data) writer.WriteNumberValue(value); break;
            case "INT8": foreach (var value in MemoryMarshal.Cast<byte, sbyte>(data)) writer.WriteNumberValue(value); break;
            case "UINT16": foreach (var value in MemoryMarshal.Cast<byte, ushort>(data)) writer.WriteNumberValue(value); break;
            case "INT16": foreach (var value in MemoryMarshal.Cast<byte, short>(data)) writer.WriteNumberValue(value); break;
            case "UINT32": foreach (var value in MemoryMarshal.Cast<byte, uint>(data)) writer.WriteNumberValue(value); break;
            case "INT32": foreach (var value in MemoryMarshal.Cast<byte, int>(data)) writer.WriteNumberValue(value); break;
            case "UINT64": foreach (var value in MemoryMarshal.Cast<byte, ulong>(data)) writer.WriteNumberValue(value); break;
            case "INT64": foreach (var value in MemoryMarshal.Cast<byte, long>(data)) writer.WriteNumberValue(value); break;
            case "FP16": foreach (var value in MemoryMarshal.Cast<byte, Half>(data)) writer.WriteNumberValue(Finite(tensor, (float)value)); break;
            case "BF16": foreach (var value in MemoryMarshal.Cast<byte, ushort>(data)) writer.WriteNumberValue(Finite(tensor, BitConverter.UInt32BitsToSingle((uint)value << 16))); break;
            case "FP32": foreach (var value in MemoryMarshal.Cast<byte, float>(data)) writer.WriteNumberValue(Finite(tensor, value)); break;
            case "FP64": foreach (var value in MemoryMarshal.Cast<byte, double>(data)) writer.WriteNumberValue(double.IsFinite(value) ? value : throw NotFinite(tensor)); break;
            default: WriteStrings(writer, data); break;
        }
        writer.WriteEndArray();
    }

    private static float Finite(ResponseTensor tensor, float value) => float.IsFinite(value) ? value : throw NotFinite(tensor);

    private static RequestException NotFinite(ResponseTensor tensor) =>
        RequestException.Invalid($"Output '{tensor.Name}' has elements that are not finite, which JSON cannot express. Ask for binary_data, or use gRPC.");

    private static void WriteStrings(Utf8JsonWriter writer, ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(data);
            writer.WriteStringValue(data.Slice(sizeof(int), length));
            data = data[(sizeof(int) + length)..];
        }
    }

    private sealed class Elements
    {
        private readonly string _name;
        private readonly string _dataType;
        private readonly long[] _shape;
        private readonly bool _isBase64;
        private readonly long _expected;
        private readonly ArrayBufferWriter<byte> _bytes = new();
        private long _count;

        public Elements(string name, string dataType, long[] shape, bool isBase64)
        {
            if (dataType != WireType.Bytes && WireType.Find(dataType) is null) throw RequestException.Invalid($"Input '{name}': there is no datatype '{dataType}'. Expected one of {WireType.Names}.");
            (_name, _dataType, _shape, _isBase64) = (name, dataType, shape, isBase64);
            _expected = 1;
            foreach (var size in shape) _expected = size == 0 ? 0 : _expected > long.MaxValue / size ? throw RequestException.Invalid($"Input '{name}' has more elements by its shape {TensorSlot.ShapeText(shape)} than can be.") : _expected * size;
        }

        public void Flat(ref Utf8JsonReader reader)
        {
            while (reader.Read() && reader.TokenType != JsonTokenType.EndArray) Add(ref reader);
        }

        public void Nested(ref Utf8JsonReader reader, int axis)
        {
            if (axis >= _shape.Length || reader.TokenType != JsonTokenType.StartArray) throw Ragged();
            long count = 0;
            for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; count++)
            {
                if (axis < _shape.Length - 1) Nested(ref reader, axis + 1);
                else Add(ref reader);
            }
            if (count != _shape[axis]) throw Ragged();
        }

        public byte[] ToArray() => _count == _expected ? _bytes.WrittenSpan.ToArray() : throw RequestException.Invalid($"Input '{_name}' {TensorSlot.ShapeText(_shape)} needs {_expected} elements, data has {_count}.");

        private RequestException Ragged() => RequestException.Invalid($"Input '{_name}': data is nested in another way than its shape {TensorSlot.ShapeText(_shape)} says. Nest it so, or write one flat array.");

        private void Add(ref Utf8JsonReader reader)
        {
            if (++_count > _expected) throw RequestException.Invalid($"Input '{_name}' {TensorSlot.ShapeText(_shape)} needs {_expected} elements, data has more.");
            if (_dataType == WireType.Bytes) AddBytes(ref reader);
            else if (_dataType == "BOOL") Put((byte)(reader.TokenType switch
            {
                JsonTokenType.True => 1,
                JsonTokenType.False => 0,
                JsonTokenType.Number when reader.TryGetInt32(out var bit) && bit is 0 or 1 => reader.GetInt32(),
                _ => throw Wrong("true or false"),
            }));
            else if (reader.TokenType != JsonTokenType.Number || !TryPut(ref reader)) throw Wrong($"a number that {_dataType} holds");
        }

        private bool TryPut(ref Utf8JsonReader reader) => _dataType switch
        {
            "UINT8" => reader.TryGetByte(out var value) && Put(value),
            "INT8" => reader.TryGetSByte(out var value) && Put(value),
            "UINT16" => reader.TryGetUInt16(out var value) && Put(value),
            "INT16" => reader.TryGetInt16(out var value) && Put(value),
            "UINT32" => reader.TryGetUInt32(out var value) && Put(value),
            "INT32" => reader.TryGetInt32(out var value) && Put(value),
            "UINT64" => reader.TryGetUInt64(out var value) && Put(value),
            "INT64" => reader.TryGetInt64(out var value) && Put(value),
            "FP16" => reader.TryGetDouble(out var value) && Half.IsFinite((Half)value) && Put((Half)value),
            "BF16" => reader.TryGetSingle(out var value) && float.IsFinite(value) && Put((BFloat16)value),
            "FP32" => reader.TryGetSingle(out var value) && float.IsFinite(value) && Put(value),
            _ => reader.TryGetDouble(out var value) && double.IsFinite(value) && Put(value),
        };

        private void AddBytes(ref Utf8JsonReader reader)
        {
            if (reader.TokenType != JsonTokenType.String) throw Wrong("a string");
            byte[]? decoded = null;
            if (_isBase64 && !reader.TryGetBytesFromBase64(out decoded)) throw Wrong("base64");
            decoded ??= System.Text.Encoding.UTF8.GetBytes(reader.GetString()!);
            BinaryPrimitives.WriteInt32LittleEndian(_bytes.GetSpan(sizeof(int)), decoded.Length);
            _bytes.Advance(sizeof(int));
            _bytes.Write(decoded);
        }

        private bool Put<T>(T value) where T : unmanaged
        {
            var size = System.Runtime.CompilerServices.Unsafe.SizeOf<T>();
            MemoryMarshal.Write(_bytes.GetSpan(size), value);
            _bytes.Advance(size);
            return true;
        }

        private RequestException Wrong(string expected) => RequestException.Invalid($"Input '{_name}': element {_count - 1} of data must be {expected}.");
    }
}
