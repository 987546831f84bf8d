using CsCheck;

namespace Pith.Fuzz.Hostile;

/// <summary>One place that is damaged.</summary>
/// <param name="Kind">How; each kind of file has its own ways.</param>
/// <param name="Where">Decides the place.</param>
/// <param name="What">Decides what is put there.</param>
internal readonly record struct Damage(int Kind, uint Where, uint What)
{
    public static Gen<Damage> Any { get; } = Gen.Select(Gen.Int[0, 1000], Gen.UInt, Gen.UInt, (kind, where, what) => new Damage(kind, where, what));

    /// <summary>What fields of lengths and sizes cannot mean.</summary>
    public static readonly long[] Extremes = [0, 1, -1, 2, 127, 128, 255, 256, 32767, 32768, 65535, 65536, 1 << 20, 1 << 28, int.MaxValue, int.MinValue, 1L << 32, 1L << 40, long.MaxValue, long.MinValue, long.MaxValue / 8 + 1];

    /// <summary>Changes bytes of any file.</summary>
    public static byte[] Bytes(byte[] valid, IReadOnlyList<Damage> damages)
    {
        var bytes = valid.ToList();
        foreach (var damage in damages)
        {
            if (bytes.Count == 0) break;
            // Half of it in the first part, where headers are.
            var at = (int)(damage.Where / 2 % (uint)(damage.Where % 2 == 0 ? Math.Min(bytes.Count, 128) : bytes.Count));
            var length = Math.Min(1 + (int)(damage.What % 16), bytes.Count - at);
            switch (damage.Kind % 9)
            {
                case 0: bytes[at] ^= (byte)(1 << (int)(damage.What % 8)); break;
                case 1: bytes[at] = (byte)damage.What; break;
                case 2: bytes[at] = damage.What % 2 == 0 ? (byte)0 : (byte)255; break;
                case 3: bytes.RemoveRange(at, length); break;
                case 4: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
                case 5: Splice(bytes, at, (int)(damage.What / 16 % (uint)bytes.Count), length); break;
                case 6: if (damage.What % 3 == 0) bytes.RemoveRange(at, bytes.Count - at); break;
                case 7: Number(bytes, at, damage.What); break;
                default: Digits(bytes, at, damage.What); break;
            }
        }
        return [.. bytes];
    }

    private static void Splice(List<byte> bytes, int to, int from, int length)
    {
        for (var i = 0; i < length && to + i < bytes.Count && from + i < bytes.Count; i++) bytes[to + i] = bytes[from + i];
    }

    // An extreme number in 2, 4 or 8 bytes, the low one first or last.
    private static void Number(List<byte> bytes, int at, uint what)
    {
        var (value, size) = (Extremes[what % Extremes.Length], 2 << (int)(what / 64 % 3));
        for (var i = 0; i < size && at + i < bytes.Count; i++) bytes[at + i] = (byte)(value >> 8 * (what / 256 % 2 == 0 ? i : size - 1 - i));
    }

    // The next number that is written as text.
    private static void Digits(List<byte> bytes, int at, uint what)
    {
        var first = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
        if (first < 0) return;
        var end = first;
        while (end < bytes.Count && bytes[end] is >= (byte)'0' and <= (byte)'9') end++;
        string[] texts = ["", "0", "-1", "1e999", "-1e999", "NaN", "0.5", "1e-999", "99999999999999999999", "2147483648", "-2147483648", "9223372036854775807", "null", "\"\"", "[]", "{}", "true"];
        bytes.RemoveRange(first, end - first);
        bytes.InsertRange(first, System.Text.Encoding.ASCII.GetBytes(texts[what % texts.Length]));
    }
}
