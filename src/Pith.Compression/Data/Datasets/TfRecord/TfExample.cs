using System.Text;

namespace Pith.Compression.Data;

/// <summary>
/// Finds the features of a tf.train.Example in a file without reading their values, so that listing a file of images reads little of it. The messages (tensorflow/core/example): Example { Features features = 1 },
/// Features { map&lt;string, Feature&gt; feature = 1 }, Feature { BytesList = 1 | FloatList = 2 | Int64List = 3 }, each list { repeated value = 1 }.
/// </summary>
internal sealed class TfExample
{
    private const int LongestName = 1000;
    private const int BytesList = 1, Int64List = 3;

    private readonly FileStream _file;
    private readonly Dictionary<string, (long Begin, long End)> _features = new(StringComparer.Ordinal);

    /// <summary>Looks for the features of a record.</summary>
    /// <exception cref="InvalidDataException">The record is not an Example.</exception>
    public TfExample(FileStream file, TfRecord record)
    {
        _file = file;
        foreach (var features in Fields(record.Position, record.Position + record.Length).Where(field => field.Number == 1))
            foreach (var entry in Fields(features.Begin, features.End).Where(field => field.Number == 1)) AddFeature(entry.Begin, entry.End);
    }

    /// <summary>The names of its features.</summary>
    public IReadOnlyCollection<string> Names => _features.Keys;

    /// <summary>Where the one value of a feature of bytes lies; null when there is no such feature.</summary>
    /// <exception cref="InvalidDataException">It is of another type, or has not exactly one value.</exception>
    public (long Begin, long End)? Bytes(string name)
    {
        if (!_features.TryGetValue(name, out var feature)) return null;
        (int, long Begin, long End)[] values = [.. List(name, feature, BytesList, "bytes").Where(value => value.Number == 1)];
        return values is [var one] ? (one.Begin, one.End) : throw new InvalidDataException($"feature '{name}' has {values.Length} values, expected one");
    }

    /// <summary>The one value of a feature of integers; null when there is no such feature.</summary>
    /// <exception cref="InvalidDataException">It is of another type, or has not exactly one value.</exception>
    public long? Integer(string name)
    {
        if (!_features.TryGetValue(name, out var feature)) return null;
        var values = new List<long>();
        foreach (var (number, begin, end) in List(name, feature, Int64List, "integers").Where(value => value.Number == 1))
        {
            // Packed, or one value in a field of its own.
            _file.Position = begin;
            while (_file.Position < end && values.Count < 2) values.Add((long)Varint(end));
        }
        return values is [var one] ? one : throw new InvalidDataException($"feature '{name}' has {(values.Count == 0 ? "no value" : "several values")}, expected one");
    }

    private (int Number, long Begin, long End)[] List(string name, (long Begin, long End) feature, int list, string type)
    {
        (int Number, long Begin, long End)[] lists = [.. Fields(feature.Begin, feature.End)];
        return lists is [var only] && only.Number == list ? [.. Fields(only.Begin, only.End)] : throw new InvalidDataException($"feature '{name}' is not a list of {type}");
    }

    private void AddFeature(long begin, long end)
    {
        string? name = null;
        (long, long) value = (end, end);
        foreach (var field in Fields(begin, end))
            if (field.Number == 2) value = (field.Begin, field.End);
            else if (field.Number == 1)
            {
                if (field.End - field.Begin > LongestName) throw new InvalidDataException($"a feature's name has {field.End - field.Begin} bytes, expected at most {LongestName}");
                var text = new byte[field.End - field.Begin];
                _file.Position = field.Begin;
                _file.ReadExactly(text);
                name = Encoding.UTF8.GetString(text);
            }
        if (name is not null) _features[name] = value;
    }

    // The fields of a message. That of a number is where the number itself stands.
    private List<(int Number, long Begin, long End)> Fields(long begin, long end)
    {
        const int Most = 10_000;
        var fields = new List<(int, long, long)>();
        for (var at = begin; at < end;)
        {
            _file.Position = at;
            var tag = Varint(end);
            var content = _file.Position;
            var length = (int)(tag & 7) switch
            {
                0 => VarintBytes(end),
                1 => 8,
                2 => (long)Math.Min(Varint(end), long.MaxValue),
                5 => 4,
                var type => throw new InvalidDataException($"a field of wire type {type} at byte {at}"),
            };
            if ((tag & 7) == 2) content = _file.Position;
            if (length > end - content) throw new InvalidDataException($"a field of {length} bytes at byte {at}, {end - content} are left");
            fields.Add(((int)Math.Min(tag >> 3, int.MaxValue), content, content + length));
            if (fields.Count > Most) throw new InvalidDataException($"more than {Most} fields");
            at = content + length;
        }
        return fields;
    }

    private long VarintBytes(long end)
    {
        var begin = _file.Position;
        Varint(end);
        return _file.Position - begin;
    }

    private ulong Varint(long end)
    {
        var value = 0ul;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (_file.Position >= end || _file.ReadByte() is not (>= 0 and var next)) break;
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw new InvalidDataException($"a number without an end before byte {end}");
    }
}
