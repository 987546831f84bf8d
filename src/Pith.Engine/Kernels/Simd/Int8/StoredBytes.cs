using System.Runtime.Intrinsics;

namespace Pith.Kernels.Int8;

/// <summary>int8 values between the form that ONNX has and the one that channels-last slots store, which is 128 more.</summary>
internal static unsafe class StoredBytes
{
    private const byte Sign = 0x80;

    /// <summary>Either way; <paramref name="from"/> and <paramref name="to"/> may be the same.</summary>
    public static void FlipSigns(byte* from, byte* to, long count)
    {
        var whole = count / Vector256<byte>.Count * Vector256<byte>.Count;
        for (long i = 0; i < whole; i += Vector256<byte>.Count) (Vector256.Load(from + i) ^ Vector256.Create(Sign)).Store(to + i);
        for (var i = whole; i < count; i++) to[i] = (byte)(from[i] ^ Sign);
    }
}
