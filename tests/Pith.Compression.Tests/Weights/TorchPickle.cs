using System.Buffers.Binary;
using System.Text;

namespace Pith.Compression.Tests.Weights;

/// <summary>Writes pickles as Python's pickler does in protocol 2, with a memo entry after each text, tuple, name and dictionary. What torch.save would write, byte by byte, and what an attacker would.</summary>
internal sealed class TorchPickle
{
    private readonly List<byte> _bytes = [];
    private int _memo;

    public TorchPickle() => Raw([0x80, 2]);

    /// <summary>Whether numbers are written as LONG1, as Python writes those above 32 bits (and Python 2 all of its longs).</summary>
    public bool LongIntegers { get; init; }

    /// <summary>The pickle, ended.</summary>
    public byte[] Ended => [.. _bytes, (byte)'.'];

    public TorchPickle Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public TorchPickle Global(string module, string name) => Raw(Encoding.ASCII.GetBytes($"c{module}\n{name}\n")).Put();

    public TorchPickle Text(string text)
    {
        var length = new byte[4];
        var bytes = Encoding.UTF8.GetBytes(text);
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        return Raw([(byte)'X', .. length, .. bytes]).Put();
    }

    /// <summary>The shortest form, as Python chooses it.</summary>
    public TorchPickle Integer(long value)
    {
        var eight = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(eight, value);
        return value switch
        {
            _ when LongIntegers => Raw([0x8A, 8, .. eight]),
            >= 0 and < 256 => Raw([(byte)'K', eight[0]]),
            >= 0 and < 65536 => Raw([(byte)'M', eight[0], eight[1]]),
            >= int.MinValue and <= int.MaxValue => Raw([(byte)'J', .. eight[..4]]),
            _ => Raw([0x8A, 8, .. eight]),
        };
    }

    public TorchPickle Tuple(params long[] values)
    {
        if (values.Length is 0) return Raw(")"u8);
        if (values.Length > 3) Raw("("u8);
        foreach (var value in values) Integer(value);
        return (values.Length > 3 ? Raw("t"u8) : Raw([(byte)(0x84 + values.Length)])).Put();
    }

    public TorchPickle OrderedDict() => Global("collections", "OrderedDict").Raw(")R"u8).Put();

    /// <summary>torch._utils._rebuild_tensor_v2(storage, offset, sizes, strides, False, OrderedDict()).</summary>
    public TorchPickle Tensor(string storageType, string key, long elements, long offset, long[] sizes, long[] strides, bool isLegacy = false)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Raw("(("u8).Text("storage").Global("torch", storageType).Text(key).Text("cpu").Integer(elements);
        if (isLegacy) Raw("N"u8);
        Raw("t"u8).Put().Raw("Q"u8);
        return Integer(offset).Tuple(sizes).Tuple(strides).Raw([0x89]).OrderedDict().Raw("t"u8).Put().Raw("R"u8).Put();
    }

    private TorchPickle Put()
    {
        var index = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(index, _memo++);
        return _memo <= 256 ? Raw([(byte)'q', index[0]]) : Raw([(byte)'r', .. index]);
    }
}
