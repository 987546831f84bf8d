using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Pith.Kernels.Simd;

namespace Pith.Kernels.Int8;

/// <summary>Turns rows of bytes, one for each channel, into pixels: four channels by words, sixteen pixels at a time where SSE2 is there; more in tiles.</summary>
internal static unsafe class ChannelInterleave
{
    /// <param name="rows">[<paramref name="channels"/>, <paramref name="width"/>], <paramref name="plane"/> bytes from channel to channel.</param>
    /// <param name="plane">At least the width.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="channels">Channels, a multiple of 4.</param>
    /// <param name="pixels">[<paramref name="width"/>, <paramref name="channels"/>]</param>
    public static void Run(byte* rows, nint plane, int width, int channels, byte* pixels)
    {
        if (channels > 4)
        {
            TransposedCopy.Run<byte>(rows, plane, pixels, channels, channels, width);
            return;
        }
        byte* r0 = rows, r1 = r0 + plane, r2 = r1 + plane, r3 = r2 + plane;
        var x = 0;
        if (Sse2.IsSupported)
            for (; x + Vector128<byte>.Count <= width; x += Vector128<byte>.Count) Sixteen(r0 + x, r1 + x, r2 + x, r3 + x, pixels + x * 4);
        for (; x < width; x++) ((uint*)pixels)[x] = r0[x] | (uint)r1[x] << 8 | (uint)r2[x] << 16 | (uint)r3[x] << 24;
    }

    private static void Sixteen(byte* r0, byte* r1, byte* r2, byte* r3, byte* pixels)
    {
        Vector128<byte> a = Vector128.Load(r0), b = Vector128.Load(r1), c = Vector128.Load(r2), d = Vector128.Load(r3);
        Vector128<ushort> ab = Sse2.UnpackLow(a, b).AsUInt16(), ab2 = Sse2.UnpackHigh(a, b).AsUInt16(), cd = Sse2.UnpackLow(c, d).AsUInt16(), cd2 = Sse2.UnpackHigh(c, d).AsUInt16();
        Sse2.UnpackLow(ab, cd).Store((ushort*)pixels);
        Sse2.UnpackHigh(ab, cd).Store((ushort*)pixels + 8);
        Sse2.UnpackLow(ab2, cd2).Store((ushort*)pixels + 16);
        Sse2.UnpackHigh(ab2, cd2).Store((ushort*)pixels + 24);
    }
}
