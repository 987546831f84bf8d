using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Pith.Compression.Data;

namespace Pith.Compression.Weights;

/// <summary>
/// Reads the data of a Python pickle (protocols 0 to 5, https://docs.python.org/3/library/pickletools.html) without running anything: None, bool, numbers, texts, bytes, tuples, lists and dictionaries become .NET values, and
/// a name of a class or function is looked up in an explicit list. A name that is not in it ends the reading at once. Tuples are <c>object[]</c>, lists <c>List&lt;object&gt;</c>, dictionaries <see cref="PickleDict"/>.
/// </summary>
internal sealed class PickleReader
{
    // A state dict of ten thousand tensors takes half a million steps.
    private const int MaxSteps = 4_000_000;

    private readonly Stream _stream;
    private readonly Func<string, Func<object?[], object?>> _find;
    private readonly Func<object?, object?> _persistent;
    private readonly List<object?> _stack = [];
    private readonly Stack<int> _marks = new();
    private readonly Dictionary<long, object?> _memo = [];
    private long _position;

    private PickleReader(Stream stream, Func<string, Func<object?[], object?>> find, Func<object?, object?> persistent) => (_stream, _find, _persistent) = (stream, find, persistent);

    /// <summary>Reads one pickle; the stream then stands after it.</summary>
    /// <param name="stream">Buffered: it is read in small pieces.</param>
    /// <param name="find">What stands for a class or function, <c>module.name</c>, in this process: makes a value from arguments. Throws for a name that is not allowed.</param>
    /// <param name="persistent">What stands for an object that the pickle refers to by an identifier.</param>
    /// <exception cref="InvalidDataException">The pickle is damaged or uses what data does not need.</exception>
    public static object? Read(Stream stream, Func<string, Func<object?[], object?>> find, Func<object?, object?> persistent)
    {
        var reader = new PickleReader(stream, find, persistent);
        for (var step = 0; step < MaxSteps; step++)
        {
            var code = reader.Byte();
            if (code == '.') return reader.Pop();
            reader.Step(code);
        }
        throw new InvalidDataException($"its pickle has more than {MaxSteps} steps.");
    }

    private void Step(byte code)
    {
        if (Number(code) || Text(code) || Container(code) || Memory(code)) return;
        switch (code)
        {
            case 0x80: // PROTO
                if (Byte() is var version and > 5) throw Wrong($"protocol {version}, expected 0 to 5");
                break;
            case 0x95: Bytes(8); break; // FRAME: a hint for buffering
            case (byte)'c': Push(_find($"{Line()}.{Line()}")); break; // GLOBAL
            case 0x93: // STACK_GLOBAL
                var (name, module) = (Pop<string>(), Pop<string>());
                Push(_find($"{module}.{name}"));
                break;
            case (byte)'i': // INST
                throw Wrong($"instance of '{Line()}.{Line()}'; a file of tensors has none");
            case (byte)'R' or 0x81: // REDUCE, NEWOBJ
                var arguments = Pop<object?[]>();
                Push(Pop<Func<object?[], object?>>()(arguments));
                break;
            case (byte)'b': // BUILD: attributes of an ordered dictionary, which are notes of PyTorch about versions
                Pop();
                if (Peek() is not PickleDict) throw Wrong("attributes of something that is not a dictionary");
                break;
            case (byte)'Q': Push(_persistent(Pop())); break; // BINPERSID
            default: throw Wrong($"the operation {code:X2}, which data does not need");
        }
    }

    private bool Number(byte code)
    {
        switch (code)
        {
            case (byte)'N': Push(null); return true;
            case 0x88: Push(true); return true;
            case 0x89: Push(false); return true;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); return true;
            case (byte)'K': Push((long)Byte()); return true;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); return true;
            case 0x8A: PushInteger(Bytes(Byte())); return true;
            case 0x8B: PushInteger(Bytes(Length(4))); return true;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); return true;
            case (byte)'I' or (byte)'L': // protocol 0: text; 00 and 01 are booleans
                var text = Line().TrimEnd('L');
                Push(text == "00" ? false : text == "01" ? true : long.TryParse(text, out var number) ? number : throw Wrong($"the number '{text}'"));
                return true;
            case (byte)'F':
                Push(double.TryParse(Line(), System.Globalization.CultureInfo.InvariantCulture, out var real) ? real : throw Wrong("a number that is none"));
                return true;
            default: return false;
        }
    }

    private bool Text(byte code)
    {
        switch (code)
        {
            case 0x8C: Push(Encoding.UTF8.GetString(Bytes(Byte()))); return true;
            case (byte)'X': Push(Encoding.UTF8.GetString(Bytes(Length(4)))); return true;
            case 0x8D: Push(Encoding.UTF8.GetString(Bytes(Length(8)))); return true;
            case (byte)'U': Push(Encoding.Latin1.GetString(Bytes(Byte()))); return true; // text of Python 2
            case (byte)'T': Push(Encoding.Latin1.GetString(Bytes(Length(4)))); return true;
            case (byte)'V': Push(Line()); return true;
            case (byte)'C': Push(Bytes(Byte())); return true;
            case (byte)'B': Push(Bytes(Length(4))); return true;
            case 0x8E: Push(Bytes(Length(8))); return true;
            default: return false;
        }
    }

    private bool Container(byte code)
    {
        switch (code)
        {
            case (byte)'(': _marks.Push(_stack.Count); return true;
            case (byte)')': Push(Array.Empty<object?>()); return true;
            case (byte)'t': Push(PopToMark()); return true;
            case 0x85 or 0x86 or 0x87: Push(PopLast(code - 0x84)); return true;
            case (byte)']': Push(new List<object?>()); return true;
            case (byte)'l': Push(new List<object?>(PopToMark())); return true;
            case (byte)'a':
                var item = Pop();
                Peek<List<object?>>().Add(item);
                return true;
            case (byte)'e':
                var items = PopToMark();
                Peek<List<object?>>().AddRange(items);
                return true;
            case (byte)'}': Push(new PickleDict()); return true;
            case (byte)'d':
                var entries = PopToMark();
                Push(new PickleDict());
                SetItems(entries);
                return true;
            case (byte)'s': SetItems(PopLast(2)); return true;
            case (byte)'u': SetItems(PopToMark()); return true;
            default: return false;
        }
    }

    private bool Memory(byte code)
    {
        switch (code)
        {
            case (byte)'q': _memo[Byte()] = Peek(); return true;
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4))] = Peek(); return true;
            case (byte)'p': _memo[Index(Line())] = Peek(); return true;
            case 0x94: _memo[_memo.Count] = Peek(); return true;
            case (byte)'h': Push(Remembered(Byte())); return true;
            case (byte)'j': Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4)))); return true;
            case (byte)'g': Push(Remembered(Index(Line()))); return true;
            case (byte)'0': Pop(); return true;
            case (byte)'2': Push(Peek()); return true;
            case (byte)'1': PopToMark(); return true;
            default: return false;
        }
    }

    private void SetItems(object?[] entries)
    {
        var dictionary = Peek<PickleDict>();
        if (entries.Length % 2 != 0) throw Wrong("a key without a value");
        for (var i = 0; i < entries.Length; i += 2) dictionary[entries[i] ?? throw Wrong("a key that is None")] = entries[i + 1];
    }

    // Little-endian two's complement of any length.
    private void PushInteger(byte[] bytes)
    {
        if (bytes.Length <= sizeof(long)) Push((long)new BigInteger(bytes));
        else Push(new BigInteger(bytes));
    }

    private object? Remembered(long index) => _memo.TryGetValue(index, out var value) ? value : throw Wrong($"reference {index} to something that was not stored");

    private long Index(string line) => long.TryParse(line, out var index) ? index : throw Wrong($"the reference '{line}'");

    private int Length(int fieldBytes)
    {
        var field = Bytes(fieldBytes);
        var length = fieldBytes == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(field) : BinaryPrimitives.ReadUInt64LittleEndian(field);
        return length <= (ulong)Array.MaxLength ? (int)length : throw Wrong($"a length of {length} bytes");
    }

    private byte Byte()
    {
        var value = _stream.ReadByte();
        _position++;
        return value >= 0 ? (byte)value : throw Wrong("its end, before the pickle's");
    }

    private byte[] Bytes(int count)
    {
        var bytes = DataFile.ReadExactly(_stream, count) ?? throw Wrong($"its end, {count} bytes expected");
        _position += count;
        return bytes;
    }

    private string Line()
    {
        const int Longest = 1000;
        var line = new StringBuilder();
        for (var b = Byte(); b != '\n'; b = Byte())
            if (line.Append((char)b).Length > Longest) throw Wrong("a line without an end");
        return line.ToString().TrimEnd('\r');
    }

    private void Push(object? value) => _stack.Add(value);

    private object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private T Pop<T>() where T : class => Pop() as T ?? throw Wrong($"no {Named(typeof(T))} where one is needed");

    private object? Peek() => _stack.Count > (_marks.TryPeek(out var mark) ? mark : 0) ? _stack[^1] : throw Wrong("a value that is not there");

    private T Peek<T>() where T : class => Peek() as T ?? throw Wrong($"no {Named(typeof(T))} where one is needed");

    private object?[] PopToMark() => _marks.TryPop(out var mark) ? PopLast(_stack.Count - mark) : throw Wrong("the end of a group that did not begin");

    private object?[] PopLast(int count)
    {
        if (_stack.Count - count < (_marks.TryPeek(out var mark) ? mark : 0)) throw Wrong("values that are not there");
        object?[] values = [.. _stack.GetRange(_stack.Count - count, count)];
        _stack.RemoveRange(_stack.Count - count, count);
        return values;
    }

    private static string Named(Type type) => type == typeof(string) ? "text" : type == typeof(PickleDict) ? "dictionary" : type == typeof(object?[]) ? "tuple" : type == typeof(List<object?>) ? "list" : "allowed function";

    private InvalidDataException Wrong(string what) => new($"its pickle, byte {_position}: {what}.");
}

/// <summary>A Python dictionary, in the order of insertion.</summary>
internal sealed class PickleDict
{
    private readonly OrderedDictionary<object, object?> _entries = [];

    /// <summary>The entries whose keys are texts.</summary>
    public IEnumerable<KeyValuePair<string, object?>> Named => from entry in _entries where entry.Key is string select KeyValuePair.Create((string)entry.Key, entry.Value);

    /// <summary>The value of a key; a repeated key keeps its place and takes the last value.</summary>
    public object? this[object key] { set => _entries[key] = value; }

    /// <summary>The value of a key; null when it is absent.</summary>
    public object? Find(string key) => _entries.GetValueOrDefault(key);
}
