using System.Text;

namespace Pith.Serving;

/// <summary>Reads blocks of header fields (HPACK, RFC 7541) of a peer that was told not to keep a table: all that is left are literals, and the static table, which has no field of gRPC.</summary>
internal static class HpackFields
{
    // The code is canonical: codes of one length follow each other in the order of their symbols, after those that are shorter. Here are all printable symbols but the backslash.
    private static readonly (int Bits, string Symbols)[] s_huffman =
    [
        (5, "012aceiost"), (6, " %-./3456789=A_bdfghlmnpru"), (7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"), (8, "&*,;XZ"), (10, "!\"()?"), (11, "'+|"), (12, "#>"), (13, "\0$@[]~"), (14, "^}"), (15, "<`{"),
    ];

    /// <summary>The value of a field; null when there is none of this name. Of several the last.</summary>
    /// <exception cref="InvalidDataException">The block is damaged.</exception>
    public static string? Find(ReadOnlySpan<byte> block, string name)
    {
        string? found = null;
        while (block.Length > 0)
        {
            var first = block[0];
            if ((first & 0x80) != 0)
            {
                // A field of the static table.
                Number(ref block, 7);
                continue;
            }
            if ((first & 0xE0) == 0x20)
            {
                // The size of the table.
                Number(ref block, 5);
                continue;
            }
            // A literal, to be kept in the table or not; its name is in the static table or follows.
            var key = Number(ref block, (first & 0x40) != 0 ? 6 : 4) == 0 ? Text(ref block) : "";
            var value = Text(ref block);
            if (key == name) found = value;
        }
        return found;
    }

    private static int Number(ref ReadOnlySpan<byte> block, int bits)
    {
        var most = (1 << bits) - 1;
        var number = Next(ref block) & most;
        if (number < most) return number;
        for (var shift = 0; shift <= 21; shift += 7)
        {
            var part = Next(ref block);
            number += (part & 127) << shift;
            if (part < 128) return number;
        }
        throw new InvalidDataException("a number of a header is too large");
    }

    private static string Text(ref ReadOnlySpan<byte> block)
    {
        var isHuffman = block.Length > 0 && (block[0] & 0x80) != 0;
        var length = Number(ref block, 7);
        if (length > block.Length) throw new InvalidDataException("a header is longer than its block");
        var bytes = block[..length];
        block = block[length..];
        return isHuffman ? Decoded(bytes) : Encoding.Latin1.GetString(bytes);
    }

    private static string Decoded(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var (code, bits) = (0, 0);
        for (var i = 0; i < 8 * bytes.Length; i++)
        {
            (code, bits) = ((code << 1) | ((bytes[i / 8] >> (7 - i % 8)) & 1), bits + 1);
            if (Symbol(code, bits) is not { } symbol) continue;
            text.Append(symbol);
            (code, bits) = (0, 0);
        }
        return text.ToString();
    }

    private static char? Symbol(int code, int bits)
    {
        var (first, last) = (0, 0);
        foreach (var (length, symbols) in s_huffman)
        {
            first <<= length - last;
            if (length == bits) return code - first < symbols.Length ? symbols[code - first] : null;
            if (length > bits) return null;
            first += symbols.Length;
            last = length;
        }
        return null;
    }

    private static byte Next(ref ReadOnlySpan<byte> block)
    {
        if (block.Length == 0) throw new InvalidDataException("a block of headers ends too early");
        var next = block[0];
        block = block[1..];
        return next;
    }
}
